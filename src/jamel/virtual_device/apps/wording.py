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


def titles(rng: Random, known: tuple[str, ...]) -> tuple[str, ...]:
    """The titles a feature may have: every third is kept for test apps."""
    if _pool(rng) == "test":
        return known[2::3] or known
    return tuple(title for index, title in enumerate(known) if index % 3 != 2)


def _pool(rng: Random) -> str:
    return rng.pool if isinstance(rng, PoolRandom) else "train"
