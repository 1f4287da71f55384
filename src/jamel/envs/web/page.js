// Reads the page as elements; evaluated in a world of its own, whose globals no page can change.
// What a page can change (named properties of forms, own attributes) is read by the prototypes.
(() => {
  const MOST = 1500, LONGEST = 200, DEEPEST = 200;
  const CLICKABLE = 1, LONG = 2, SCROLLS = 4, CHECKABLE = 8, CHECKED = 16, ENABLED = 32,
    FOCUSED = 64, SELECTED = 128, PASSWORD = 256;
  const get = (type, name) => {
    const read = Object.getOwnPropertyDescriptor(type.prototype, name).get;
    return (node) => Reflect.apply(read, node, []);
  };
  const call = (type, name) => {
    const method = type.prototype[name];
    return (node, ...rest) => Reflect.apply(method, node, rest);
  };
  const tagOf = get(Element, "tagName"), idOf = get(Element, "id"), childrenOf = get(Node, "childNodes");
  const shadowOf = get(Element, "shadowRoot"), attribute = call(Element, "getAttribute");
  const boxOf = call(Element, "getBoundingClientRect"), rootOf = call(Node, "getRootNode");
  const matches = call(Element, "matches"), contains = call(Node, "contains");
  const text = (value) => (value || "").slice(0, 4 * LONGEST).replace(/\s+/g, " ").trim().slice(0, LONGEST);

  const TAGS = {
    BUTTON: "button", A: "link", TEXTAREA: "textbox", SELECT: "combobox", IMG: "image", UL: "list",
    OL: "list", LI: "listitem", TABLE: "table", DIALOG: "dialog", PROGRESS: "progressbar",
    METER: "progressbar", SUMMARY: "button", OPTION: "option", CANVAS: "image", VIDEO: "video",
    NAV: "navigation", FORM: "form", LABEL: "label", H1: "heading", H2: "heading", H3: "heading",
  };
  const INPUTS = {
    button: "button", submit: "button", reset: "button", image: "button", checkbox: "checkbox",
    radio: "radio", range: "slider", file: "button", color: "button",
  };
  const roleOf = (node, tag) => {
    const said = text(attribute(node, "role")).toLowerCase().split(" ")[0];
    if (said && said !== "none" && said !== "presentation") return said;
    if (tag === "INPUT") return INPUTS[(attribute(node, "type") || "text").toLowerCase()] || "textbox";
    if (node.isContentEditable === true && (!node.parentElement || node.parentElement.isContentEditable !== true)) return "textbox";
    return TAGS[tag] || "";
  };
  const ACTIVE = new Set(["button", "link", "checkbox", "radio", "switch", "tab", "menuitem",
    "menuitemcheckbox", "menuitemradio", "option", "treeitem", "slider", "gridcell", "textbox",
    "searchbox", "combobox", "spinbutton"]);
  const CHECKS = new Set(["checkbox", "radio", "switch", "menuitemcheckbox", "menuitemradio"]);
  const EVENTS = ["click", "mousedown", "mouseup", "pointerdown", "pointerup", "touchstart", "touchend"];
  const heard = (node) => {
    if (typeof globalThis.jamelListeners !== "function") return [false, false];
    const known = globalThis.jamelListeners(node);
    return [EVENTS.some((name) => name in known), "contextmenu" in known];
  };
  const nameOf = (node, tag) => {
    const label = attribute(node, "aria-label");
    if (label) return text(label);
    const by = attribute(node, "aria-labelledby");
    if (by) {
      const root = rootOf(node);
      const parts = by.split(/\s+/).slice(0, 4).map((id) => root.getElementById && root.getElementById(id));
      const said = text(parts.filter(Boolean).map((part) => part.textContent.slice(0, LONGEST)).join(" "));
      if (said) return said;
    }
    if (tag === "INPUT" || tag === "TEXTAREA" || tag === "SELECT") {
      const labels = node.labels && node.labels[0];
      const said = labels && labels.textContent ? text(labels.textContent) : "";
      return said || text(attribute(node, "placeholder") || attribute(node, "title") || attribute(node, "alt"));
    }
    return text(attribute(node, "alt") || attribute(node, "title"));
  };
  const ownText = (node, tag) => {
    if (tag === "INPUT") {
      const type = (attribute(node, "type") || "text").toLowerCase();
      return type === "password" ? "•".repeat(Math.min(node.value.length, 20)) : type === "checkbox" || type === "radio" ? "" : text(node.value);
    }
    if (tag === "TEXTAREA") return text(node.value);
    if (tag === "SELECT") return text(node.selectedOptions && node.selectedOptions[0] ? node.selectedOptions[0].text : "");
    let said = "";
    for (const child of childrenOf(node)) {
      if (child.nodeType === 3) said += child.data.slice(0, LONGEST) + " ";
      if (said.length > LONGEST) break;
    }
    return text(said);
  };
  const topAt = (doc, x, y) => {
    let found = doc.elementFromPoint(x, y);
    for (let depth = 0; found && depth < 8; depth++) {
      const inner = shadowOf(found) && shadowOf(found).elementFromPoint(x, y);
      if (!inner || inner === found) break;
      found = inner;
    }
    return found;
  };
  const within = (outer, inner) => {
    for (let node = inner; node; node = node.parentNode || node.host) if (node === outer) return true;
    return false;
  };

  globalThis.jamelRead = () => {
    const rows = [], nodes = [];
    const width = innerWidth, height = innerHeight;
    const put = (node, role, box, said, label, flags, parent) => {
      nodes.push(node);
      const id = attribute(node, "data-testid") || attribute(node, "data-test") || attribute(node, "data-cy") || idOf(node) || attribute(node, "name");
      rows.push([role, said, text(id), label, ...box.map(Math.round), flags, parent]);
      return rows.length - 1;
    };
    const walk = (node, view, parent, dx, dy, depth, inherited) => {
      if (rows.length >= MOST || depth > DEEPEST || !(node instanceof view.Element)) return;
      const tag = tagOf(node).toUpperCase();
      if (tag === "SCRIPT" || tag === "STYLE" || tag === "HEAD" || tag === "TEMPLATE" || tag === "NOSCRIPT") return;
      const style = view.getComputedStyle(node);
      if (style.display === "none") return;
      const rect = boxOf(node), hidden = style.visibility !== "visible" || attribute(node, "aria-hidden") === "true";
      const left = Math.max(rect.left + dx, 0), top = Math.max(rect.top + dy, 0);
      const right = Math.min(rect.right + dx, width), bottom = Math.min(rect.bottom + dy, height);
      const seen = !hidden && right - left >= 1 && bottom - top >= 1;
      let place = parent;
      const pointer = style.cursor === "pointer";
      if (seen) {
        const role = roleOf(node, tag), said = ownText(node, tag);
        let flags = 0;
        const [click, hold] = heard(node);
        if (ACTIVE.has(role) || click || (pointer && !inherited) || tag === "CANVAS") flags |= CLICKABLE;
        if (hold) flags |= LONG;
        const overflow = style.overflowY;
        if ((overflow === "auto" || overflow === "scroll") && node.scrollHeight > node.clientHeight + 8 && node !== view.document.scrollingElement) flags |= SCROLLS;
        if (CHECKS.has(role)) flags |= CHECKABLE;
        if (node.checked === true || attribute(node, "aria-checked") === "true") flags |= CHECKED;
        if (attribute(node, "aria-selected") === "true" || attribute(node, "aria-current")) flags |= SELECTED;
        if ((attribute(node, "type") || "").toLowerCase() === "password") flags |= PASSWORD;
        if (view.document.activeElement === node && tag !== "BODY") flags |= FOCUSED;
        const off = node.disabled === true || attribute(node, "aria-disabled") === "true" || style.pointerEvents === "none";
        if (!off) flags |= ENABLED;
        // What lies under a dialog or an overlay cannot be touched.
        if (flags & (CLICKABLE | LONG)) {
          const hit = topAt(view.document, (left + right) / 2 - dx, (top + bottom) / 2 - dy);
          if (!hit || !(within(node, hit) || within(hit, node))) flags &= ~ENABLED;
        }
        const label = nameOf(node, tag);
        if (tag !== "BODY" && tag !== "HTML" && (flags & (CLICKABLE | LONG | SCROLLS | CHECKABLE) || said || label || role === "textbox"))
          place = put(node, role, [left, top, right, bottom], said, label, flags, parent);
        if (tag === "SELECT" && !off) {
          for (const option of Array.from(node.options).slice(0, 12))
            put(option, "option", [left, top, right, bottom], text(option.text), "", CLICKABLE | (option.disabled ? 0 : ENABLED) | (option.selected ? SELECTED : 0), place);
          return;
        }
      }
      if (tag === "IFRAME" || tag === "FRAME") {
        let inner = null;
        try { inner = node.contentDocument; } catch { inner = null; }
        if (inner && inner.documentElement && seen)
          walk(inner.documentElement, inner.defaultView, place, dx + rect.left + node.clientLeft, dy + rect.top + node.clientTop, depth + 1, false);
        return;
      }
      const shadow = shadowOf(node);
      if (shadow) for (const child of childrenOf(shadow)) walk(child, view, place, dx, dy, depth + 1, pointer);
      for (const child of childrenOf(node)) if (child.nodeType === 1) walk(child, view, place, dx, dy, depth + 1, pointer);
    };
    const root = document.documentElement;
    if (root) {
      const main = document.scrollingElement || root;
      let flags = ENABLED;
      if (main.scrollHeight > innerHeight + 8) flags |= SCROLLS;
      put(root, "webview", [0, 0, width, height], "", text(document.title), flags, -1);
      walk(root, globalThis, 0, 0, 0, 0, false);
    }
    globalThis.jamelNodes = nodes;
    return { rows, href: location.href.slice(0, 2000), size: [width, height] };
  };

  // Resolves when nothing has changed for `quiet` ms and a frame was drawn since, or after `most` ms.
  globalThis.jamelSettled = (quiet, most) => new Promise((resolve) => {
    const began = performance.now();
    let last = began, asked = 0, timer = 0;
    const ask = () => {
      // A page that is not shown draws no frames, and one that is may draw none for a while.
      if (!asked && !document.hidden) {
        asked = performance.now();
        requestAnimationFrame(() => { asked = 0; look(); });
      }
    };
    const look = () => {
      clearTimeout(timer);
      const now = performance.now(), over = now - began >= most;
      const drawn = !asked || now - asked >= 6 * quiet;
      const calm = now - last >= quiet && drawn && document.readyState === "complete";
      if (!calm && !over) {
        // Frames and readyState tell of themselves; the timer is for what is left of the quiet.
        const left = now - last < quiet ? quiet - (now - last) : asked ? 6 * quiet : most;
        timer = setTimeout(look, Math.max(1, Math.min(left, most - (now - began))));
        return;
      }
      watch.disconnect();
      document.removeEventListener("readystatechange", look);
      resolve(calm);
    };
    const watch = new MutationObserver(() => { last = performance.now(); ask(); });
    watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    document.addEventListener("readystatechange", look);
    ask();
    timer = setTimeout(look, quiet);
  });

  globalThis.jamelChoose = (index) => {
    const option = globalThis.jamelNodes[index], select = option.closest("select");
    // A listbox of the page's own has options too, which are touched.
    if (!select) return false;
    if (select.multiple) option.selected = !option.selected; else select.value = option.value;
    select.dispatchEvent(new Event("input", { bubbles: true }));
    select.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };
  globalThis.jamelFocus = (index) => {
    const node = globalThis.jamelNodes[index];
    node.focus();
    if (typeof node.select === "function") node.select();
    else { const all = document.createRange(); all.selectNodeContents(node); getSelection().removeAllRanges(); getSelection().addRange(all); }
  };
  globalThis.jamelScroll = (index, share) => {
    const node = globalThis.jamelNodes[index];
    const target = index === 0 ? document.scrollingElement : node;
    const before = target.scrollTop;
    target.scrollBy({ top: share * target.clientHeight, behavior: "instant" });
    return target.scrollTop !== before;
  };
})();
