CREATE DATABASE shop_a;
CREATE DATABASE shop_b;
CREATE DATABASE shop_c;
CREATE USER shop@'%';
GRANT ALL ON shop_a.* TO shop@'%';
GRANT ALL ON shop_b.* TO shop@'%';
GRANT ALL ON shop_c.* TO shop@'%';
