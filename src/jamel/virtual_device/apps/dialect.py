"""How an app says what every app says: one word for "Save", another for "Cancel", by seed.

Train, valid and test apps draw from words that differ, so that the label of a common button tells
a model as little on an unseen app as it does in the field. Titles and toasts stay as they are.
Knows no feature and no handler.
"""

from __future__ import annotations

from jamel.virtual_device.apps.noise import chance
from jamel.virtual_device.apps.widgets import Node
from jamel.virtual_device.apps.wording import POOL_OF

_TEXT = """
Save: Save, Store, Speichern | Save changes, Zapisz | Apply, Gem, Tallenna
Cancel: Cancel, Never mind, Abbrechen | Not now, Anuluj | Dismiss, Avbryt
Delete: Delete, Erase, Löschen | Throw away, Usuń | Get rid of it, Slet
Add: Add, Plus, Hinzufügen | Create, Dodaj | Make one, Opret
New: New, Another, Neu | One more, Nowy | Begin one, Ny
Edit: Edit, Change, Bearbeiten | Rework, Edytuj | Modify, Rediger
Close: Close, Shut, Schließen | Hide, Zamknij | Put away, Luk
Search: Search, Look up, Suchen | Seek, Szukaj | Go and look, Søg
Find: Find, Locate, Finden | Spot, Znajdź | Track down, Hitta
Next: Next, Forward, Weiter | Go on, Dalej | Proceed, Nästa
Back: Back, Return, Zurück | Go back, Wstecz | Step back, Tilbage
Previous: Previous, Earlier, Vorige | One back, Poprzedni | Before this, Förra
Send: Send, Submit, Senden | Post it, Wyślij | Hand in, Skicka
Share: Share, Pass on, Teilen | Show others, Udostępnij | Spread, Dela
Keep: Keep, Leave it, Behalten | Hold on to it, Zachowaj | Retain, Behåll
Discard: Discard, Drop, Verwerfen | Toss, Odrzuć | Scrap, Kassera
No: No, No thanks, Nein | Rather not, Nie | Nope, Nej
Yes: Yes, Sure, Ja | Of course, Tak | Go ahead, Kyllä
OK: OK, Okay, Gut | Fine, Dobrze | Got it, Selvä
Sort: Sort, Order, Sortieren | Arrange, Sortuj | Rank, Ordna
Refresh: Refresh, Reload, Aktualisieren | Renew, Odśwież | Update, Päivitä
Remove: Remove, Take out, Entfernen | Take away, Wyrzuć | Strike, Fjern
Undo: Undo, Take back, Rückgängig | Revert, Cofnij | Unmake, Ångra
Filter: Filter, Narrow, Filtern | Only some, Zawęź | Sift, Rajaa
Reset: Reset, Start over, Zurücksetzen | Clear all, Zeruj | Back to zero, Nollaa
Later: Later, Remind me, Später | Some time, Potem | Another day, Senere
Sign in: Sign in, Log in, Anmelden | Enter, Zaloguj | Let me in, Logga in
Sign out: Sign out, Log out, Abmelden | Exit, Wyloguj | Leave account, Logga ut
Confirm: Confirm, Agree, Bestätigen | Approve, Potwierdź | That is right, Bekräfta
Pay: Pay, Check out, Bezahlen | Settle, Zapłać | Buy now, Betala
Star: Star, Favourite, Merken | Like it, Gwiazdka | Bookmark it, Stjerne
"""


def _parsed() -> dict[str, dict[str, tuple[str, ...]]]:
    words: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in _TEXT.strip().splitlines():
        base, _, rest = line.partition(": ")
        pools = (tuple(pool.split(", ")) for pool in rest.split(" | "))
        words[base] = dict(zip(("train", "valid", "test"), pools, strict=True))
    return words


WAYS_TO_SAY = _parsed()
MOST_KNOWN = 20_000


class Dialect:
    """One app's words; apps of an unknown split keep the words of the features."""

    def __init__(self, seed: int, split: str) -> None:
        pool = POOL_OF.get(split, "")
        self.words = {
            base: pools[pool][int(chance(seed, "dialect", base) * len(pools[pool]))]
            for base, pools in WAYS_TO_SAY.items()
            if pool
        }
        self._known: dict[Node, Node] = {}
        self._same: dict[int, tuple[Node, Node]] = {}
        self._lines: dict[tuple[int, ...], Node] = {}

    def node(self, node: Node) -> Node:
        """A widget in this app's words; equal widgets become one and the same object."""
        same = self._same.get(id(node))
        if same is not None and same[0] is node:
            return same[1]
        known = self._known.get(node)
        if known is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
                self._same.clear()
                self._lines.clear()
            text = self.words.get(node.text, node.text) if node.on else node.text
            children = tuple([self.node(child) for child in node.children])
            known = self._known[node] = node._replace(text=text, children=children)
            self._same[id(node)], self._same[id(known)] = (node, known), (known, known)
        return known

    def line(self, cells: tuple[Node, ...]) -> Node:
        """Some widgets side by side in a list of several columns; equal lines are one object."""
        said = tuple([self.node(cell) for cell in cells])
        key = tuple(map(id, said))
        known = self._lines.get(key)
        if known is None:
            known = self._lines[key] = Node("line", "line", children=said)
            self._same[id(known)] = known, known
        return known
