function greet(name) {
  if (!name) return "nobody";
  let out = "hello ";
  for (let i = 0; i < name.length; i++) {
    if (name[i] === "x") continue;
    out += name[i];
  }
  return name.length > 3 ? out : out + "!";
}
const add = (a, b = 2) => a && b ? a + b : a ?? 7;
class Cart {
  #n = 0;
  static { Cart.all = []; }
  get size() { return this.#n; }
  async put(x) {
    try { this.#n += await x; } catch (e) { this.#n = -1; } finally { Cart.all.push(this); }
    switch (this.#n) {
      case 1: return "one";
      case 2:
        console.log("two"); break;
      default: console.log("many");
    }
    return "done";
  }
  never() { while (true) { if (this.#n) break; } return 1; }
}
const o = { m() { return 1; }, get p() { return 2; }, f: function () { return 3; }, async *g() { yield 1; } };
greet("max"); add(1); add(0, 1); new Cart().put(2).then(() => o.m());
label: for (const k of [1, 2]) { do { if (k > 1) break label; } while (false); }
/* Größe 😀: offsets are UTF-16 units */ const late = (x) => { if (x) { return "😀"; } else { return "ß"; } }; late(0);
