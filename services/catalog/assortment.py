"""What the shop sells: the same products in every arm, made of a small vocabulary so that a search means something."""

from services.catalog.core import Product

# As many as inventory has stock of, under the same names.
COUNT = 200
_MATERIALS = ("oak", "steel", "linen", "glass", "leather", "bamboo", "ceramic", "wool", "brass", "cotton")
_THINGS = (
    "chair", "table", "lamp", "kettle", "blanket", "bottle", "knife", "bowl", "basket", "mirror", "shelf", "rug",
    "clock", "vase", "stool", "apron", "teapot", "bench", "pillow", "candle",
)  # fmt: skip
_ROOMS = ("kitchen", "bedroom", "garden", "office", "bathroom", "hall", "workshop")
_STYLES = ("plain", "round", "tall", "folding", "light", "heavy", "small")


def assortment() -> tuple[Product, ...]:
    """Return all products, by SKU."""
    return tuple(_product(number) for number in range(1, COUNT + 1))


def _product(number: int) -> Product:
    # 200 numbers, 10 materials times 20 things: no two products are called the same.
    thing, material = _THINGS[number % len(_THINGS)], _MATERIALS[number // len(_THINGS) % len(_MATERIALS)]
    room, style = _ROOMS[number % len(_ROOMS)], _STYLES[number * 3 % len(_STYLES)]
    return Product(
        sku=f"sku-{number:04d}",
        name=f"{material} {thing}",
        description=f"A {style} {thing} of {material} for the {room}.",
        price_cents=1_000,
    )
