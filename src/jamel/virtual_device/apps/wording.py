"""Names and labels that apps are filled with, in several scripts; drawn by seed.

Knows nothing of what they are used for.
"""

from __future__ import annotations

from random import Random

WORDS = {
    "things": (
        "Groceries", "Holiday plan", "Invoice", "Bicycle", "Letter to Ann", "Garden", "Übungen",
        "Concert", "Rent", "Dentist", "Piano", "Book list", "Ключи", "お土産", "Passport", "Cake",
        "Tent", "Meeting", "Running", "Insurance", "Wood", "Café", "Paint", "Vaccination 💉",
    ),
    "goods": (
        "Lamp", "Chair", "Kettle", "Backpack", "Mug", "Blanket", "Notebook", "Clock", "Vase",
        "Headphones", "Rug", "Pillow", "Čaj", "Mirror", "Umbrella", "Boots", "Mouse", "Camera",
    ),
    "people": (
        "Ana", "Boris", "Chloé", "Deniz", "Emeka", "Freya", "Giulia", "Hiro", "Ирина", "Jonas",
        "Karim", "李娜", "Mbali", "Nils", "Olga", "Priya",
    ),
    "places": (
        "Harbour", "Old town", "Museum", "Station", "Lake", "Library", "Market", "Castle",
        "Zürich", "Göteborg", "Kyoto", "Lisbon", "Nairobi", "Oslo", "Quito", "Tbilisi",
    ),
    "topics": (
        "Weather", "Football", "Cooking", "Science", "Travel", "Music", "Finance", "Health",
        "History", "Films", "Games", "Nature",
    ),
    "songs": (
        "Morning", "Blue hour", "Northern line", "Echoes", "Paper boats", "Long way", "Tide",
        "Ночь", "Sparrow", "Glass", "Summer '98", "Lantern",
    ),
}  # fmt: skip


def pick(rng: Random, group: str, count: int) -> tuple[str, ...]:
    """`count` different words of a group."""
    return tuple(rng.sample(WORDS[group], count))
