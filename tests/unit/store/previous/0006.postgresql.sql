CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.contact_addresses (
    address text NOT NULL,
    contact_id text NOT NULL
);
CREATE TABLE public.contacts (
    id text NOT NULL,
    emails text NOT NULL,
    addresses text NOT NULL,
    active boolean NOT NULL,
    "user" text,
    node text,
    coverage_users text NOT NULL,
    coverage_groups text NOT NULL,
    view text NOT NULL,
    view_groups text NOT NULL,
    created_by text,
    merged_into text
);
CREATE TABLE public.delegations (
    principal text NOT NULL,
    delegate text NOT NULL
);
CREATE TABLE public.heads (
    kind text NOT NULL,
    key text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    version bigint NOT NULL,
    reading integer NOT NULL
);
CREATE TABLE public.history (
    id bigint NOT NULL,
    link_id text NOT NULL,
    crm_id text,
    uid text,
    at timestamp with time zone NOT NULL,
    outcome text NOT NULL
);
CREATE SEQUENCE public.history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.history_id_seq OWNED BY public.history.id;
CREATE TABLE public.intents (
    id bigint NOT NULL,
    link_id text NOT NULL,
    version bigint NOT NULL,
    mailbox text NOT NULL,
    operation text NOT NULL,
    wanted text NOT NULL,
    mail text NOT NULL,
    deadline timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.intents_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.intents_id_seq OWNED BY public.intents.id;
CREATE TABLE public.letters (
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    "timestamp" bigint NOT NULL,
    fate text NOT NULL,
    marked_at timestamp with time zone NOT NULL
);
CREATE TABLE public.links (
    id text NOT NULL,
    uid text,
    state text NOT NULL,
    version bigint NOT NULL,
    crm_id text,
    crm_version bigint NOT NULL,
    crm_revision bigint NOT NULL,
    revision bigint NOT NULL,
    master text,
    private_from_crm boolean NOT NULL,
    deleted_by_crm boolean NOT NULL,
    content text,
    reported text,
    agreed text,
    exchange text,
    crm text,
    changed_at timestamp with time zone
);
CREATE TABLE public.meta (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.nodes (
    id text NOT NULL,
    parent text,
    path text
);
CREATE TABLE public.options (
    scope text NOT NULL,
    options text NOT NULL
);
CREATE TABLE public.outbox (
    id bigint NOT NULL,
    owner text NOT NULL,
    topic text NOT NULL,
    key bytea NOT NULL,
    value bytea,
    headers text NOT NULL,
    parked text
);
CREATE SEQUENCE public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.outbox_id_seq OWNED BY public.outbox.id;
CREATE TABLE public.parked (
    key text NOT NULL,
    kind text NOT NULL,
    due timestamp with time zone NOT NULL,
    reason text NOT NULL,
    waits_for text NOT NULL,
    payload bytea NOT NULL,
    asked text NOT NULL,
    joined integer NOT NULL,
    tries integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.pauses (
    scope text NOT NULL,
    since timestamp with time zone NOT NULL,
    requested_by text NOT NULL
);
CREATE TABLE public.positions (
    topic text NOT NULL,
    partition integer NOT NULL,
    owner text NOT NULL,
    "offset" bigint,
    moved boolean NOT NULL
);
CREATE TABLE public.read_offsets (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL
);
CREATE TABLE public.readings (
    topic text NOT NULL,
    reading integer NOT NULL
);
CREATE TABLE public.replicas (
    link_id text NOT NULL,
    mailbox text NOT NULL,
    "position" integer NOT NULL,
    "user" text NOT NULL,
    item_id text NOT NULL,
    change_key text NOT NULL,
    response text NOT NULL,
    live boolean NOT NULL,
    cancelled boolean NOT NULL,
    reported text,
    direct boolean DEFAULT false NOT NULL,
    reminder bigint,
    block text DEFAULT ''::text NOT NULL,
    sensitivity text DEFAULT 'Normal'::text NOT NULL,
    holds text,
    ours text
);
CREATE TABLE public.reports (
    key text NOT NULL,
    state text NOT NULL
);
CREATE TABLE public.task_links (
    id text NOT NULL,
    state text NOT NULL,
    version bigint NOT NULL,
    crm_id text,
    crm_version bigint NOT NULL,
    crm_revision bigint NOT NULL,
    revision bigint NOT NULL,
    deleted_by_crm boolean NOT NULL,
    reported text,
    noted boolean NOT NULL,
    agreed text,
    crm text,
    told text
);
CREATE TABLE public.task_replicas (
    link_id text NOT NULL,
    "user" text NOT NULL,
    mailbox text NOT NULL,
    item_id text,
    change_key text NOT NULL,
    search_key text NOT NULL,
    live boolean NOT NULL,
    removed boolean NOT NULL,
    shown text,
    held text,
    attempt text,
    until timestamp with time zone,
    sensitivity text NOT NULL,
    block text NOT NULL,
    ours text,
    unsaid text NOT NULL
);
CREATE TABLE public.user_addresses (
    address text NOT NULL,
    user_id text NOT NULL
);
CREATE TABLE public.users (
    id text NOT NULL,
    name text NOT NULL,
    emails text NOT NULL,
    addresses text NOT NULL,
    stated_mailbox text,
    mailbox text,
    active boolean NOT NULL,
    sync_enabled boolean NOT NULL,
    user_type text,
    node_ids text NOT NULL,
    groups text NOT NULL
);
ALTER TABLE ONLY public.history ALTER COLUMN id SET DEFAULT nextval('public.history_id_seq'::regclass);
ALTER TABLE ONLY public.intents ALTER COLUMN id SET DEFAULT nextval('public.intents_id_seq'::regclass);
ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0006');
INSERT INTO public.contact_addresses VALUES ('carla@client.example', 'c-7');
INSERT INTO public.contacts VALUES ('c-7', '["carla@client.example"]', '["carla@client.example"]', true, NULL, 'bank', '[]', '[]', 'private', '[]', NULL, NULL);
INSERT INTO public.delegations VALUES ('u-anna', 'u-bob');
INSERT INTO public.heads VALUES ('node', 'bank', 'crm.nodes', 0, 0, 0, 0);
INSERT INTO public.heads VALUES ('user', 'u-anna', 'crm.users', 0, 0, 0, 0);
INSERT INTO public.heads VALUES ('contact', 'c-7', 'crm.contacts', 0, 0, 0, 0);
INSERT INTO public.heads VALUES ('options', 'system', 'crm.options', 0, 0, 0, 0);
INSERT INTO public.heads VALUES ('delegation', 'u-anna:u-bob', 'crm.delegations', 0, 0, 0, 0);
INSERT INTO public.history VALUES (1, 'l-1', 'si-1', '0400', '2026-11-20 12:00:00+00', '{"result":"applied"}');
INSERT INTO public.intents VALUES (1, 'l-2', 1, 'anna@bank.example', 'update', '{}', 'none', '2026-11-20 12:00:00+00');
INSERT INTO public.letters VALUES (2, 41, 1795176000000, 'parked', '2026-11-20 12:00:00+00');
INSERT INTO public.links VALUES ('l-1', '0400', 'outside', 1, 'si-1', 0, 0, 4294967299, NULL, false, false, NULL, NULL, '{"subject":"Review","notes":"","location":"","start":"2026-11-20T12:00:00+00:00","end":"2026-11-20T13:00:00+00:00","zone":null,"all_day":false,"priority":"B","status":"open","restricted":false,"owner":null,"assign_to":[],"for_":[{"contact":"c-7","source":"exchange","response":"none"}],"external":null,"external_shown_to":[],"read_only":false,"redacted":false,"organizer":null,"responses":[],"alarms":[],"related":[],"recurrence":null,"exceptions":[],"split_from":null}', '{"subject":"Review","notes":"","location":"","start":"2026-11-20T12:00:00+00:00","end":"2026-11-20T13:00:00+00:00","zone":null,"all_day":false,"priority":"B","status":"open","restricted":false,"owner":null,"assign_to":[],"for_":[{"contact":"c-7","source":"exchange","response":"none"}],"external":null,"external_shown_to":[],"read_only":false,"redacted":false,"organizer":null,"responses":[],"alarms":[],"related":[],"recurrence":null,"exceptions":[],"split_from":null}', NULL, NULL);
INSERT INTO public.links VALUES ('l-2', '0401', 'outside', 1, 'si-2', 0, 0, 0, NULL, false, false, NULL, NULL, '{"subject":"Review","notes":"","location":"","start":"2026-11-20T12:00:00+00:00","end":"2026-11-20T13:00:00+00:00","zone":null,"all_day":false,"priority":"B","status":"open","restricted":false,"owner":null,"assign_to":[],"for_":[{"contact":"c-7","source":"exchange","response":"none"}],"external":null,"external_shown_to":[],"read_only":false,"redacted":false,"organizer":null,"responses":[],"alarms":[],"related":[],"recurrence":{"frequency":"weekly","interval":1,"weekdays":["FR"],"day_of_month":null,"week_of_month":null,"month":null,"end":"after","count":10,"until":null},"exceptions":[{"original_start":"2026-11-27T12:00:00+00:00","deleted":false,"changes":[["location","\"Room 5\""]]}],"split_from":null}', '{"subject":"Review","notes":"","location":"","start":"2026-11-20T12:00:00+00:00","end":"2026-11-20T13:00:00+00:00","zone":null,"all_day":false,"priority":"B","status":"open","restricted":false,"owner":null,"assign_to":[],"for_":[{"contact":"c-7","source":"exchange","response":"none"}],"external":null,"external_shown_to":[],"read_only":false,"redacted":false,"organizer":null,"responses":[],"alarms":[],"related":[],"recurrence":{"frequency":"weekly","interval":1,"weekdays":["FR"],"day_of_month":null,"week_of_month":null,"month":null,"end":"after","count":10,"until":null},"exceptions":[{"original_start":"2026-11-27T12:00:00+00:00","deleted":false,"changes":[["location","\"Room 5\""]]}],"split_from":null}', NULL, NULL);
INSERT INTO public.meta VALUES ('address_rules', '');
INSERT INTO public.meta VALUES ('generation', '1');
INSERT INTO public.nodes VALUES ('bank', NULL, '["bank"]');
INSERT INTO public.options VALUES ('system', '{"for_contacts.inbound":true}');
INSERT INTO public.outbox VALUES (1, '', 'sync.crm-commands', '\x6c2d31', '\x00ff7b7d', '[["ce_id","c-1"]]', NULL);
INSERT INTO public.parked VALUES ('p-1', 'hint', '2026-11-20 12:00:00+00', 'denied', 'anna', '\x7b7d', '["held"]', 1, 0);
INSERT INTO public.pauses VALUES ('user:u-bob', '2026-11-20 12:00:00+00', 'u-admin');
INSERT INTO public.positions VALUES ('exchange.notifications', 3, 'one', 17, true);
INSERT INTO public.read_offsets VALUES ('crm.nodes', 0, 1);
INSERT INTO public.read_offsets VALUES ('crm.users', 0, 1);
INSERT INTO public.read_offsets VALUES ('crm.contacts', 0, 1);
INSERT INTO public.read_offsets VALUES ('crm.options', 0, 1);
INSERT INTO public.read_offsets VALUES ('crm.delegations', 0, 1);
INSERT INTO public.replicas VALUES ('l-1', 'anna@bank.example', 0, 'u-anna', 'AAMkAD-1', '', 'unknown', true, false, NULL, false, NULL, '', 'Normal', NULL, NULL);
INSERT INTO public.task_links VALUES ('t-1', 'active', 1, 'task-1', 0, 0, 0, false, NULL, false, '{"subject":"Call Carla","notes":"","start":null,"due":"2026-12-01","priority":"B","status":"outstanding","restricted":false,"owner":null,"assign_to":["u-anna"],"for_":[],"external":null,"external_shown_to":[],"related":[],"recurrence":null,"alarms":[["u-anna","2026-11-20T12:00:00+00:00"]]}', '{"subject":"Call Carla","notes":"","start":null,"due":"2026-12-01","priority":"B","status":"outstanding","restricted":false,"owner":null,"assign_to":["u-anna"],"for_":[],"external":null,"external_shown_to":[],"related":[],"recurrence":null,"alarms":[["u-anna","2026-11-20T12:00:00+00:00"]]}', NULL);
INSERT INTO public.task_replicas VALUES ('t-1', 'u-anna', 'anna@bank.example', 'AAMkAD-2', '', 'AB01', true, false, '{"subject":"Call Carla","notes":"","start":null,"due":"2026-12-01","priority":"B","status":"outstanding","restricted":false,"recurrence":null,"alarm":["2026-11-20T12:00:00+00:00"]}', '{"subject":"Call Carla","notes":"","start":null,"due":"2026-12-01","priority":"B","status":"outstanding","restricted":false,"recurrence":null,"alarm":["2026-11-20T12:00:00+00:00"]}', NULL, NULL, 'Normal', '', NULL, '[]');
INSERT INTO public.user_addresses VALUES ('anna@bank.example', 'u-anna');
INSERT INTO public.users VALUES ('u-anna', 'Anna', '["anna@bank.example"]', '["anna@bank.example"]', 'anna@bank.example', 'anna@bank.example', true, true, NULL, '[]', '[]');
SELECT pg_catalog.setval('public.history_id_seq', 1, true);
SELECT pg_catalog.setval('public.intents_id_seq', 1, true);
SELECT pg_catalog.setval('public.outbox_id_seq', 1, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.contact_addresses
    ADD CONSTRAINT pk_contact_addresses PRIMARY KEY (address, contact_id);
ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT pk_contacts PRIMARY KEY (id);
ALTER TABLE ONLY public.delegations
    ADD CONSTRAINT pk_delegations PRIMARY KEY (principal, delegate);
ALTER TABLE ONLY public.heads
    ADD CONSTRAINT pk_heads PRIMARY KEY (kind, key);
ALTER TABLE ONLY public.history
    ADD CONSTRAINT pk_history PRIMARY KEY (id);
ALTER TABLE ONLY public.intents
    ADD CONSTRAINT pk_intents PRIMARY KEY (id);
ALTER TABLE ONLY public.letters
    ADD CONSTRAINT pk_letters PRIMARY KEY (partition, "offset");
ALTER TABLE ONLY public.links
    ADD CONSTRAINT pk_links PRIMARY KEY (id);
ALTER TABLE ONLY public.meta
    ADD CONSTRAINT pk_meta PRIMARY KEY (name);
ALTER TABLE ONLY public.nodes
    ADD CONSTRAINT pk_nodes PRIMARY KEY (id);
ALTER TABLE ONLY public.options
    ADD CONSTRAINT pk_options PRIMARY KEY (scope);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (id);
ALTER TABLE ONLY public.parked
    ADD CONSTRAINT pk_parked PRIMARY KEY (key);
ALTER TABLE ONLY public.pauses
    ADD CONSTRAINT pk_pauses PRIMARY KEY (scope);
ALTER TABLE ONLY public.positions
    ADD CONSTRAINT pk_positions PRIMARY KEY (topic, partition);
ALTER TABLE ONLY public.read_offsets
    ADD CONSTRAINT pk_read_offsets PRIMARY KEY (topic, partition);
ALTER TABLE ONLY public.readings
    ADD CONSTRAINT pk_readings PRIMARY KEY (topic);
ALTER TABLE ONLY public.replicas
    ADD CONSTRAINT pk_replicas PRIMARY KEY (link_id, mailbox);
ALTER TABLE ONLY public.reports
    ADD CONSTRAINT pk_reports PRIMARY KEY (key);
ALTER TABLE ONLY public.task_links
    ADD CONSTRAINT pk_task_links PRIMARY KEY (id);
ALTER TABLE ONLY public.task_replicas
    ADD CONSTRAINT pk_task_replicas PRIMARY KEY (link_id, "user");
ALTER TABLE ONLY public.user_addresses
    ADD CONSTRAINT pk_user_addresses PRIMARY KEY (address, user_id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT pk_users PRIMARY KEY (id);
ALTER TABLE ONLY public.links
    ADD CONSTRAINT uq_links_crm_id UNIQUE (crm_id);
ALTER TABLE ONLY public.links
    ADD CONSTRAINT uq_links_uid UNIQUE (uid);
ALTER TABLE ONLY public.replicas
    ADD CONSTRAINT uq_replicas_mailbox_item_id UNIQUE (mailbox, item_id);
ALTER TABLE ONLY public.task_links
    ADD CONSTRAINT uq_task_links_crm_id UNIQUE (crm_id);
ALTER TABLE ONLY public.task_replicas
    ADD CONSTRAINT uq_task_replicas_mailbox_item_id UNIQUE (mailbox, item_id);
CREATE INDEX ix_contact_addresses_contact_id ON public.contact_addresses USING btree (contact_id);
CREATE INDEX ix_heads_topic_reading ON public.heads USING btree (topic, reading);
CREATE INDEX ix_history_crm_id ON public.history USING btree (crm_id);
CREATE INDEX ix_history_link_id_id ON public.history USING btree (link_id, id);
CREATE INDEX ix_history_uid ON public.history USING btree (uid);
CREATE INDEX ix_intents_link_id ON public.intents USING btree (link_id);
CREATE INDEX ix_nodes_parent ON public.nodes USING btree (parent);
CREATE INDEX ix_outbox_key ON public.outbox USING btree (key);
CREATE INDEX ix_outbox_owner_id ON public.outbox USING btree (owner, id);
CREATE INDEX ix_parked_due ON public.parked USING btree (due);
CREATE INDEX ix_parked_reason_waits_for ON public.parked USING btree (reason, waits_for);
CREATE INDEX ix_task_replicas_mailbox_search_key ON public.task_replicas USING btree (mailbox, search_key);
CREATE INDEX ix_user_addresses_user_id ON public.user_addresses USING btree (user_id);
ALTER TABLE ONLY public.intents
    ADD CONSTRAINT fk_intents_link_id FOREIGN KEY (link_id) REFERENCES public.links(id);
ALTER TABLE ONLY public.replicas
    ADD CONSTRAINT fk_replicas_link_id FOREIGN KEY (link_id) REFERENCES public.links(id);
ALTER TABLE ONLY public.task_replicas
    ADD CONSTRAINT fk_task_replicas_link_id FOREIGN KEY (link_id) REFERENCES public.task_links(id);
