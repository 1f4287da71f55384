"""Names and labels that apps are filled with, in several scripts; drawn by seed.

Train, valid and test apps draw from pools that share no word, so that a model cannot do well on
test apps by remembering labels. Knows nothing of what the words are used for.
"""

from __future__ import annotations

from random import Random

POOL_OF = {"train": "train", "valid": "valid", "test": "test", "test-new": "test"}
"""The pool of a split; other splits draw from the training pool."""

_TEXT = {
    "things": {
        "train": "Groceries|Holiday plan|Invoice|Bicycle|Letter to Ann|Garden|Übungen|Concert|Rent|"
        "Dentist|Piano|Book list|Ключи|お土産|Passport|Cake|Tent|Meeting|Running|Insurance",
        "valid": "Wood|Café|Paint|Vaccination 💉|Tax form|Guitar|Haircut|Sewing|Lottery|Keller|"
        "Ремонт|予定|Skates|Attic",
        "test": "Laundry|Visa|Firewood|Choir|Warranty|Aquarium|Jam jars|Einkauf|Письмо|計算|"
        "Gutter|Bike pump|Receipts|Picnic|Curtains|Pliers",
    },
    "goods": {
        "train": "Lamp|Chair|Kettle|Backpack|Mug|Blanket|Notebook|Clock|Vase|Headphones|Rug|Čaj",
        "valid": "Pillow|Mirror|Umbrella|Boots|Mouse|Camera|Teapot|Scarf|Suitcase|Topf|Кружка",
        "test": "Candle|Hammock|Stool|Wallet|Thermos|Gloves|Speaker|Apron|Basket|Decke|Чайник|Krug",
    },
    "people": {
        "train": "Ana|Boris|Chloé|Deniz|Emeka|Freya|Giulia|Hiro|Ирина|Jonas|Leïla|Marek|Noor|Otis",
        "valid": "Karim|李娜|Mbali|Nils|Olga|Priya|Quentin|Rosa|Sven|Tomás|Ulla|Вера",
        "test": "Aiko|Bruno|Carmen|Dmitri|Élodie|Farid|Greta|Haruto|Ines|Jürgen|Олег|Maja|Kofi",
    },
    "places": {
        "train": "Harbour|Old town|Museum|Station|Lake|Library|Market|Castle|Zürich|Göteborg|Kyoto|"
        "Lisbon|Bridge|Mill",
        "valid": "Nairobi|Oslo|Quito|Tbilisi|Airport|Theatre|Stadium|Gardens|Pier|Abbey|Windmill|"
        "Riga|Казань|Gdańsk",
        "test": "Lima|Tallinn|Bergen|Hanoi|Observatory|Zoo|Tower|Beach|Arena|Ferry|Kraków|"
        "Самара|Brno",
    },
    "topics": {
        "train": "Weather|Football|Cooking|Science|Travel|Music|Finance|Health",
        "valid": "History|Films|Games|Nature|Law|Sailing|Theater|Погода",
        "test": "Chess|Cars|Fashion|Space|Opera|Farming|Politik|Umwelt",
    },
    "songs": {
        "train": "Morning|Blue hour|Northern line|Echoes|Paper boats|Long way|Tide|Ночь|Ash|Meadow",
        "valid": "Sparrow|Glass|Summer '98|Lantern|Rooftops|Velvet|Hollow|Дорога|Amber|Signal",
        "test": "Driftwood|Neon|Quiet sea|Carousel|Two moons|Gravel|Feather|Зима|Orchid|Static",
    },
    "words": {
        "train": "apple|river|window|table|bread|cloud|horse|letter|stone|green|winter|spoon",
        "valid": "lantern|tunnel|yellow|hedge|mouse|button|island|pepper|silver|autumn|violin|fox",
        "test": "thunder|copper|acorn|basket|orange|valley|needle|summer|anchor|violet|barrel|owl",
    },
    "dishes": {
        "train": "Lentil soup|Pancakes|Risotto|Salad|Curry|Dumplings|Borschtsch|Brownies|Paella",
        "valid": "Goulash|Ramen|Quiche|Tacos|Pierogi|Crumble|Dal|Polenta|Блины",
        "test": "Couscous|Gnocchi|Moussaka|Strudel|Chowder|Falafel|Laksa|Пельмени|Waffles",
    },
    "lines": {
        "train": "Today|2 min|09:41|3 new|Mon 12|1.2 MB|Draft|•|…|→|12 %|Свежее|写真|·|4,5 ★|é|"
        "\ue8b6|\ue145|Shared with you|Aug 2024|24 °C|99+|Neu für dich|Écouter|☀|A|7 ×|مرحبا|"
        "Obľúbené",
        "valid": "Yesterday|5 min|10:07|8 new|Thu 4|720 kB|Archived|▸|—|←|31 %|Новое|予算|†|3,9 ☆|"
        "ö|\ue5d4|\ue87d|Sent to you|May 2023|18 °C|12+|Für später|À lire|☎|B|4 ×|شكرا|Přečteno",
        "test": "Just now|40 s|16:25|6 new|Sun 30|88 MB|Waiting|◦|⋮|↑|64 %|Популярное|計算中|¶|"
        "4,8 ✮|ñ|\ue88e|\ue7fd|From a friend|Oct 2025|9 °C|41+|Wie neu|À revoir|♥|C|2 ×|أهلا|"
        "Děkujeme",
    },
    "sentences": {
        "train": "Pick up where you stopped the last time.|We keep a copy on this phone, so that "
        "it also works without a network.|Nur auf diesem Gerät gespeichert, nirgends sonst.|Всё, "
        "что вы добавили на этой неделе.|Tap and hold to see what else can be done with it.|"
        "よくつかうものをまとめておけます・いつでもかえられます|Changed by someone in your group "
        "— have a look before you go on.|Prices include everything but the delivery ☂|Vos "
        "réglages sont conservés jusqu’à demain.|Nothing here is sent to anybody unless you share "
        "it yourself. You can look at everything that is kept about you, take a copy of it or "
        "have it removed whenever you like.",
        "valid": "Start with the ones you like most.|It takes a moment until all of your devices "
        "show the same.|Wird beim nächsten Mal automatisch geladen.|Здесь появится то, что вы "
        "сохранили.|Swipe to the side for more of the kind.|いつでもここからかえられます・"
        "予定もわすれません|Two people have answered – you are next.|Free of charge until the end "
        "of the month ☕|Touchez une fois pour l’écouter, deux fois pour l’aimer.|You are free to "
        "leave this empty. What you enter helps to find things sooner, stays on the phone and is "
        "forgotten as soon as the app is removed from it.",
        "test": "This is what others found useful.|A longer description can be read once it is "
        "open, together with the pictures.|Letzte Änderung vor zwei Stunden, gemeinsam "
        "bearbeitet.|Эта подборка обновляется каждое утро.|Drag it up to have it always at hand.|"
        "あたらしい写真をためしてみてください|Some of it has to be paid for — we say so "
        "beforehand.|Ends on Friday, late in the evening ☘|Le reste s’affiche dès que vous êtes "
        "connecté.|To make room, older entries are put away after a year. They are not lost: the "
        "archive shows them by month, and any of them can be brought back with one tap.",
    },
}
WORDS = {
    group: {pool: tuple(text.split("|")) for pool, text in pools.items()}
    for group, pools in _TEXT.items()
}


class PoolRandom(Random):
    """Random numbers for composing an app, and the pool of words the app draws from."""

    pool = "train"


def pick(rng: Random, group: str, count: int) -> tuple[str, ...]:
    """`count` different words of a group, from the pool of the app that is being composed."""
    return tuple(rng.sample(WORDS[group][_pool(rng)], count))


def length(rng: Random, usual: int) -> int:
    """How long a list is: mostly as usual, now and then many screens long."""
    draw = rng.random()
    if draw < 0.5:
        return usual
    return usual + rng.randint(4, 14) if draw < 0.8 else usual + rng.randint(15, 60)


def many(rng: Random, group: str, usual: int) -> tuple[str, ...]:
    """Different words for a list of some `length`; beyond the pool they are numbered."""
    count, pool = length(rng, usual), WORDS[group][_pool(rng)]
    words = rng.sample(pool, min(count, len(pool)))
    return tuple(words) + tuple(
        f"{words[n % len(words)]} {n // len(words) + 1}" for n in range(len(words), count)
    )


def titles(rng: Random, known: tuple[str, ...]) -> tuple[str, ...]:
    """The titles a feature may have: every third is kept for test apps."""
    if _pool(rng) == "test":
        return known[2::3] or known
    return tuple(title for index, title in enumerate(known) if index % 3 != 2)


def _pool(rng: Random) -> str:
    return rng.pool if isinstance(rng, PoolRandom) else "train"
