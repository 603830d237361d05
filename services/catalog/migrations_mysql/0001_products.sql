CREATE TABLE IF NOT EXISTS products (
    sku         varchar(64) PRIMARY KEY,
    name        varchar(200) NOT NULL,
    description varchar(1000) NOT NULL,
    price_cents bigint NOT NULL,
    FULLTEXT products_words (name, description)
) CHARACTER SET utf8mb4;
