"""The demo's products and their three levels of categories.

Belongs here: the columns of `products`, `categories` and `product_categories`. Does not belong here: orders.
"""

import pandas as pd

LEVELS = ("department", "product_category", "product_type")
"""The data set's levels, the widest first."""

LOOSE = "PRODUCE"
"""The department whose goods are sold loose."""

SEPARATOR = "|"
"""Between the levels of a category's code, which so names all above it; no name of the data set holds it."""


def products(listed: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Return the raw table `products`; a price is the average before discounts of the units sold.

    The data set has no names of products: a name here is the type and the size, and several share one.
    """
    sold = lines.groupby("product_id")[["shelf_value", "quantity"]].sum()
    price = (sold["shelf_value"] / sold["quantity"]).round(2).clip(lower=0)
    kind = listed["product_type"].fillna(listed["product_category"]).fillna(listed["department"])
    # of loose goods the size is that of the crate: nobody buys 40 pounds of bananas
    size = (", " + listed["package_size"]).fillna("").mask(listed["department"] == LOOSE, "")
    name = kind.fillna("Product").str.title().str.strip() + size
    return pd.DataFrame(
        {
            "product_id": listed["product_id"],
            "product_name": name,
            "price": listed["product_id"].map(price),
            "url": "https://shop.demo.invalid/products/" + listed["product_id"],
            "image_url": pd.Series(None, index=listed.index, dtype="str"),
        }
    )


def categories(listed: pd.DataFrame) -> pd.DataFrame:
    """Return the raw table `categories`: three levels, a code being the names from the top."""
    levels = []
    for depth, codes in enumerate(_codes(listed)):
        level = pd.DataFrame(
            {
                "category_code": codes,
                "category_name": listed[LEVELS[depth]],
                "parent_code": _codes(listed)[depth - 1] if depth else None,
            }
        )
        levels.append(level.dropna(subset=["category_code"]).drop_duplicates("category_code"))
    return pd.concat(levels, ignore_index=True).sort_values("category_code", ignore_index=True)


def product_categories(listed: pd.DataFrame) -> pd.DataFrame:
    """Return the raw table `product_categories`: each product in its category of every level."""
    links = [pd.DataFrame({"product_id": listed["product_id"], "category_code": codes}) for codes in _codes(listed)]
    linked = pd.concat(links, ignore_index=True).dropna(subset=["category_code"])
    return linked.sort_values(["product_id", "category_code"], ignore_index=True)


def _codes(listed: pd.DataFrame) -> "list[pd.Series[str]]":
    codes = [listed[LEVELS[0]]]
    for level in LEVELS[1:]:
        codes.append(codes[-1] + SEPARATOR + listed[level])  # without a name: no code, here and below
    return codes
