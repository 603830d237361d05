CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;

CREATE TABLE catalog.embeddings (
    sku       text PRIMARY KEY,
    embedding public.vector(128) NOT NULL
);
CREATE INDEX embeddings_nearest ON catalog.embeddings USING hnsw (embedding public.vector_cosine_ops);
