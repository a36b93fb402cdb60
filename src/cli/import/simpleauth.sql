-- A database as Simple Auth (alpha-2) makes it, for the tests of the import.
CREATE TABLE accounts (id integer primary key autoincrement, created_at datetime, updated_at datetime, deleted_at datetime,
    uuid varchar(36) NOT NULL UNIQUE, name varchar(256), email varchar(256) UNIQUE, active bool);
CREATE TABLE account_auth_locals (id integer primary key autoincrement, created_at datetime, updated_at datetime, deleted_at datetime,
    account_id integer NOT NULL, username varchar(256) UNIQUE, password_bcrypt varchar(256), totp_spec varchar(512));
CREATE TABLE account_auth_one_times (id integer primary key autoincrement, created_at datetime, updated_at datetime, deleted_at datetime,
    account_id integer NOT NULL, token varchar(64), expires datetime);
CREATE TABLE account_stipulations (id integer primary key autoincrement, created_at datetime, updated_at datetime, deleted_at datetime,
    account_id integer NOT NULL, type varchar(64), specification text);
CREATE TABLE account_o_auth_tokens (id integer primary key autoincrement, created_at datetime, updated_at datetime, deleted_at datetime,
    account_id integer, client_id varchar(256), type varchar(32), token varchar(256), scope varchar(256), expires datetime);
CREATE TABLE account_o_id_cs (id integer primary key autoincrement, created_at datetime, updated_at datetime, deleted_at datetime,
    account_id integer, provider varchar(64), subject varchar(256));
CREATE TABLE account_audit_records (id integer primary key autoincrement, created_at datetime, updated_at datetime, deleted_at datetime,
    account_id integer, module varchar(64), level varchar(16), message varchar(1024));

INSERT INTO accounts VALUES
    (1, '2021-12-19 10:11:12.345678+01:00', NULL, NULL, '0b8f0c52-7a68-4f3a-9d0e-111111111111', 'Alice', 'alice@example.com', 1),
    (2, '2021-12-20 00:00:00', NULL, NULL, '0b8f0c52-7a68-4f3a-9d0e-222222222222', 'bob', 'bob@example.com', 0),
    (3, '2021-12-21 00:00:00', NULL, NULL, '0b8f0c52-7a68-4f3a-9d0e-333333333333', 'Carol', 'notanemail', 1),
    (4, '2021-12-22 00:00:00', NULL, '2022-01-01 00:00:00', '0b8f0c52-7a68-4f3a-9d0e-444444444444', 'gone', 'gone@example.com', 1),
    (5, '2021-12-23 00:00:00', NULL, NULL, '0b8f0c52-7a68-4f3a-9d0e-555555555555', 'Else', 'elsewhere@example.com', 1);
-- The password is "seven green lanterns over water".
INSERT INTO account_auth_locals VALUES
    (1, '2021-12-19 10:11:12+01:00', NULL, NULL, 1, 'alice', '$2a$10$ujB7/EMHeBGNvL9G96v0vu6Ty8r1xvwJpkVbl5L9pKLiVMJTVZc4C',
        'otpauth://totp/simple-auth:alice@example.com?algorithm=SHA1&digits=6&issuer=simple-auth&period=30&secret=JBSWY3DPEHPK3PXPJBSW%3D%3D%3D%3D'),
    (2, '2021-12-20 00:00:00', NULL, NULL, 2, 'bob', '$2a$10$ujB7/EMHeBGNvL9G96v0vu6Ty8r1xvwJpkVbl5L9pKLiVMJTVZc4C', NULL),
    (3, '2021-12-21 00:00:00', NULL, NULL, 3, 'carol', NULL, NULL),
    (4, '2021-12-22 00:00:00', NULL, '2022-01-01 00:00:00', 4, 'gone', '$2a$10$ujB7/EMHeBGNvL9G96v0vu6Ty8r1xvwJpkVbl5L9pKLiVMJTVZc4C', NULL),
    (5, '2021-12-23 00:00:00', NULL, '2022-01-01 00:00:00', 5, 'deleted', '$2a$10$ujB7/EMHeBGNvL9G96v0vu6Ty8r1xvwJpkVbl5L9pKLiVMJTVZc4C', NULL);
INSERT INTO account_stipulations VALUES
    (1, '2021-12-20 00:00:00', NULL, NULL, 2, 'token', '{"code":"abc"}'),
    (2, '2021-12-21 00:00:00', NULL, '2021-12-22 00:00:00', 3, 'token', '{"code":"abc"}');
INSERT INTO account_o_id_cs VALUES (1, '2021-12-23 00:00:00', NULL, NULL, 5, 'google', '1234');
INSERT INTO account_audit_records VALUES
    (1, '2021-12-19 10:11:12+01:00', NULL, NULL, 1, 'account', 'info', 'Account created'),
    (2, '2021-12-19 10:11:13+01:00', NULL, '2022-01-01 00:00:00', 1, 'account', 'info', 'deleted'),
    (3, '2021-12-20 10:11:12+01:00', NULL, NULL, 1, 'auth:simple', 'warn', 'Login failed');
