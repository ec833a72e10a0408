BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0009');
CREATE TABLE contact_addresses (
	address TEXT NOT NULL, 
	contact_id TEXT NOT NULL, 
	CONSTRAINT pk_contact_addresses PRIMARY KEY (address, contact_id)
);
INSERT INTO "contact_addresses" VALUES('carla@client.example','c-7');
CREATE TABLE contacts (
	id TEXT NOT NULL, 
	emails TEXT NOT NULL, 
	addresses TEXT NOT NULL, 
	active BOOLEAN NOT NULL, 
	user TEXT, 
	node TEXT, 
	coverage_users TEXT NOT NULL, 
	coverage_groups TEXT NOT NULL, 
	"view" TEXT NOT NULL, 
	view_groups TEXT NOT NULL, 
	created_by TEXT, 
	merged_into TEXT, 
	CONSTRAINT pk_contacts PRIMARY KEY (id)
);
INSERT INTO "contacts" VALUES('c-7','["carla@client.example"]','["carla@client.example"]',1,NULL,'bank','[]','[]','private','[]',NULL,NULL);
CREATE TABLE delegate_causes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	principal TEXT NOT NULL, 
	delegate TEXT NOT NULL, 
	record BLOB, 
	stood BOOLEAN NOT NULL, 
	replayed BOOLEAN NOT NULL, 
	held TEXT NOT NULL, 
	fresh BOOLEAN NOT NULL
);
CREATE TABLE delegates (
	principal TEXT NOT NULL, 
	delegate TEXT NOT NULL, 
	state TEXT NOT NULL, 
	mailbox TEXT, 
	address TEXT, 
	prior TEXT, 
	event TEXT NOT NULL, 
	said TEXT NOT NULL, 
	turn BIGINT NOT NULL, 
	due DATETIME, 
	reason TEXT NOT NULL, 
	tries INTEGER NOT NULL, 
	CONSTRAINT pk_delegates PRIMARY KEY (principal, delegate)
);
INSERT INTO "delegates" VALUES('u-anna','u-bob','granted','anna@bank.example','bob@bank.example','{"calendar":"None","tasks":"None","inbox":"None","contacts":"None","notes":"None","journal":"None","receives_copies":false,"sees_private":false}','','',0,NULL,'',0);
CREATE TABLE delegations (
	principal TEXT NOT NULL, 
	delegate TEXT NOT NULL, 
	CONSTRAINT pk_delegations PRIMARY KEY (principal, delegate)
);
INSERT INTO "delegations" VALUES('u-anna','u-bob');
CREATE TABLE heads (
	kind TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	"offset" BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	reading INTEGER NOT NULL, 
	CONSTRAINT pk_heads PRIMARY KEY (kind, "key")
);
INSERT INTO "heads" VALUES('node','bank','crm.nodes',0,0,0,0);
INSERT INTO "heads" VALUES('user','u-anna','crm.users',0,0,0,0);
INSERT INTO "heads" VALUES('contact','c-7','crm.contacts',0,0,0,0);
INSERT INTO "heads" VALUES('options','system','crm.options',0,0,0,0);
INSERT INTO "heads" VALUES('delegation','u-anna:u-bob','crm.delegations',0,0,0,0);
CREATE TABLE history (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	link_id TEXT NOT NULL, 
	crm_id TEXT, 
	uid TEXT, 
	at DATETIME NOT NULL, 
	outcome TEXT NOT NULL
);
INSERT INTO "history" VALUES(1,'l-1','si-1','0400','2026-11-20 12:00:00.000000','{"result":"applied"}');
CREATE TABLE intents (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	link_id TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	mailbox TEXT NOT NULL, 
	operation TEXT NOT NULL, 
	wanted TEXT NOT NULL, 
	mail TEXT NOT NULL, 
	deadline DATETIME NOT NULL, 
	CONSTRAINT fk_intents_link_id FOREIGN KEY(link_id) REFERENCES links (id)
);
INSERT INTO "intents" VALUES(1,'l-2',1,'anna@bank.example','update','{}','none','2026-11-20 12:00:00.000000');
CREATE TABLE letters (
	partition INTEGER NOT NULL, 
	"offset" BIGINT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	fate TEXT NOT NULL, 
	marked_at DATETIME NOT NULL, 
	CONSTRAINT pk_letters PRIMARY KEY (partition, "offset")
);
INSERT INTO "letters" VALUES(2,41,1795176000000,'parked','2026-11-20 12:00:00.000000');
CREATE TABLE links (
	id TEXT NOT NULL, 
	uid TEXT, 
	state TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	crm_id TEXT, 
	crm_version BIGINT NOT NULL, 
	crm_revision BIGINT NOT NULL, 
	revision BIGINT NOT NULL, 
	master TEXT, 
	private_from_crm BOOLEAN NOT NULL, 
	deleted_by_crm BOOLEAN NOT NULL, 
	content TEXT, 
	reported TEXT, 
	agreed TEXT, 
	exchange TEXT, 
	crm TEXT, changed_at DATETIME, awaited TEXT DEFAULT '[]' NOT NULL, 
	CONSTRAINT pk_links PRIMARY KEY (id), 
	CONSTRAINT uq_links_crm_id UNIQUE (crm_id), 
	CONSTRAINT uq_links_uid UNIQUE (uid)
);
INSERT INTO "links" VALUES('l-1','0400','outside',1,'si-1',0,0,4294967299,NULL,0,0,NULL,NULL,'{"subject":"Review","notes":"","location":"","start":"2026-11-20T12:00:00+00:00","end":"2026-11-20T13:00:00+00:00","zone":null,"all_day":false,"priority":"B","status":"open","restricted":false,"owner":null,"assign_to":[],"for_":[{"contact":"c-7","source":"exchange","response":"none"}],"external":null,"external_shown_to":[],"read_only":false,"redacted":false,"organizer":null,"responses":[],"alarms":[],"related":[],"recurrence":null,"exceptions":[],"split_from":null}','{"subject":"Review","notes":"","location":"","start":"2026-11-20T12:00:00+00:00","end":"2026-11-20T13:00:00+00:00","zone":null,"all_day":false,"priority":"B","status":"open","restricted":false,"owner":null,"assign_to":[],"for_":[{"contact":"c-7","source":"exchange","response":"none"}],"external":null,"external_shown_to":[],"read_only":false,"redacted":false,"organizer":null,"responses":[],"alarms":[],"related":[],"recurrence":null,"exceptions":[],"split_from":null}',NULL,NULL,'[]');
INSERT INTO "links" VALUES('l-2','0401','outside',1,'si-2',0,0,0,NULL,0,0,NULL,NULL,'{"subject":"Review","notes":"","location":"","start":"2026-11-20T12:00:00+00:00","end":"2026-11-20T13:00:00+00:00","zone":null,"all_day":false,"priority":"B","status":"open","restricted":false,"owner":null,"assign_to":[],"for_":[{"contact":"c-7","source":"exchange","response":"none"}],"external":null,"external_shown_to":[],"read_only":false,"redacted":false,"organizer":null,"responses":[],"alarms":[],"related":[],"recurrence":{"frequency":"weekly","interval":1,"weekdays":["FR"],"day_of_month":null,"week_of_month":null,"month":null,"end":"after","count":10,"until":null},"exceptions":[{"original_start":"2026-11-27T12:00:00+00:00","deleted":false,"changes":[["location","\"Room 5\""]]}],"split_from":null}','{"subject":"Review","notes":"","location":"","start":"2026-11-20T12:00:00+00:00","end":"2026-11-20T13:00:00+00:00","zone":null,"all_day":false,"priority":"B","status":"open","restricted":false,"owner":null,"assign_to":[],"for_":[{"contact":"c-7","source":"exchange","response":"none"}],"external":null,"external_shown_to":[],"read_only":false,"redacted":false,"organizer":null,"responses":[],"alarms":[],"related":[],"recurrence":{"frequency":"weekly","interval":1,"weekdays":["FR"],"day_of_month":null,"week_of_month":null,"month":null,"end":"after","count":10,"until":null},"exceptions":[{"original_start":"2026-11-27T12:00:00+00:00","deleted":false,"changes":[["location","\"Room 5\""]]}],"split_from":null}',NULL,NULL,'[]');
INSERT INTO "links" VALUES('l-3','0402','outside',1,'si-3',0,0,0,NULL,0,0,NULL,NULL,'{"subject":"Review","notes":"","location":"","start":"2026-11-20T12:00:00+00:00","end":"2026-11-20T13:00:00+00:00","zone":null,"all_day":false,"priority":"B","status":"open","restricted":false,"owner":null,"assign_to":[],"for_":[{"contact":"c-7","source":"exchange","response":"none"}],"external":null,"external_shown_to":[],"read_only":false,"redacted":false,"organizer":null,"responses":[],"alarms":[],"related":[],"recurrence":null,"exceptions":[],"split_from":null}','{"subject":"Review","notes":"","location":"","start":"2026-11-20T12:00:00+00:00","end":"2026-11-20T13:00:00+00:00","zone":null,"all_day":false,"priority":"B","status":"open","restricted":false,"owner":null,"assign_to":[],"for_":[{"contact":"c-7","source":"exchange","response":"none"}],"external":null,"external_shown_to":[],"read_only":false,"redacted":false,"organizer":null,"responses":[],"alarms":[],"related":[],"recurrence":null,"exceptions":[],"split_from":null}',NULL,NULL,'["u-bob"]');
CREATE TABLE mails (
	"key" TEXT NOT NULL, 
	link_id TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	operation TEXT NOT NULL, 
	occurrence TEXT NOT NULL, 
	mode TEXT NOT NULL, 
	recipients TEXT NOT NULL, 
	state TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_mails PRIMARY KEY ("key")
);
INSERT INTO "mails" VALUES('80c406ea7b3f21b90aae94c5cc4b1bc51e95e09ef7a73bfc36171dd53e10e55d','l-3',4,'create','','all','["u-bob"]','sent','2026-11-20 12:00:00.000000');
CREATE TABLE meta (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_meta PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('address_rules','');
INSERT INTO "meta" VALUES('generation','1');
CREATE TABLE nodes (
	id TEXT NOT NULL, 
	parent TEXT, 
	path TEXT, 
	CONSTRAINT pk_nodes PRIMARY KEY (id)
);
INSERT INTO "nodes" VALUES('bank',NULL,'["bank"]');
CREATE TABLE options (
	scope TEXT NOT NULL, 
	options TEXT NOT NULL, 
	CONSTRAINT pk_options PRIMARY KEY (scope)
);
INSERT INTO "options" VALUES('system','{"for_contacts.inbound":true}');
CREATE TABLE outbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	owner TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	"key" BLOB NOT NULL, 
	value BLOB, 
	headers TEXT NOT NULL, 
	parked TEXT
);
INSERT INTO "outbox" VALUES(1,'','sync.crm-commands',X'6C2D31',X'00FF7B7D','[["ce_id","c-1"]]',NULL);
CREATE TABLE parked (
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	due DATETIME NOT NULL, 
	reason TEXT NOT NULL, 
	waits_for TEXT NOT NULL, 
	payload BLOB NOT NULL, 
	asked TEXT NOT NULL, 
	joined INTEGER NOT NULL, tries INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_parked PRIMARY KEY ("key")
);
INSERT INTO "parked" VALUES('p-1','hint','2026-11-20 12:00:00.000000','denied','anna',X'7B7D','["held"]',1,0);
CREATE TABLE pauses (
	scope TEXT NOT NULL, 
	since DATETIME NOT NULL, 
	requested_by TEXT NOT NULL, 
	CONSTRAINT pk_pauses PRIMARY KEY (scope)
);
INSERT INTO "pauses" VALUES('user:u-bob','2026-11-20 12:00:00.000000','u-admin');
CREATE TABLE positions (
	topic TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	owner TEXT NOT NULL, 
	"offset" BIGINT, 
	moved BOOLEAN NOT NULL, 
	CONSTRAINT pk_positions PRIMARY KEY (topic, partition)
);
INSERT INTO "positions" VALUES('exchange.notifications',3,'one',17,1);
CREATE TABLE read_offsets (
	topic TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	next_offset BIGINT NOT NULL, 
	CONSTRAINT pk_read_offsets PRIMARY KEY (topic, partition)
);
INSERT INTO "read_offsets" VALUES('crm.nodes',0,1);
INSERT INTO "read_offsets" VALUES('crm.users',0,1);
INSERT INTO "read_offsets" VALUES('crm.contacts',0,1);
INSERT INTO "read_offsets" VALUES('crm.options',0,1);
INSERT INTO "read_offsets" VALUES('crm.delegations',0,1);
CREATE TABLE readings (
	topic TEXT NOT NULL, 
	reading INTEGER NOT NULL, 
	CONSTRAINT pk_readings PRIMARY KEY (topic)
);
CREATE TABLE "replicas" (
	link_id TEXT NOT NULL, 
	mailbox TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	user TEXT NOT NULL, 
	item_id TEXT NOT NULL, 
	change_key TEXT NOT NULL, 
	response TEXT NOT NULL, 
	live BOOLEAN NOT NULL, 
	cancelled BOOLEAN NOT NULL, 
	reported TEXT, 
	direct BOOLEAN DEFAULT 0 NOT NULL, 
	reminder BIGINT, 
	block TEXT DEFAULT '' NOT NULL, 
	sensitivity TEXT DEFAULT 'Normal' NOT NULL, 
	holds TEXT, 
	ours TEXT, 
	CONSTRAINT pk_replicas PRIMARY KEY (link_id, mailbox), 
	CONSTRAINT uq_replicas_mailbox_item_id UNIQUE (mailbox, item_id), 
	CONSTRAINT fk_replicas_link_id FOREIGN KEY(link_id) REFERENCES links (id)
);
INSERT INTO "replicas" VALUES('l-1','anna@bank.example',0,'u-anna','AAMkAD-1','','unknown',1,0,NULL,0,NULL,'','Normal',NULL,NULL);
CREATE TABLE reports (
	"key" TEXT NOT NULL, 
	state TEXT NOT NULL, 
	CONSTRAINT pk_reports PRIMARY KEY ("key")
);
CREATE TABLE task_links (
	id TEXT NOT NULL, 
	state TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	crm_id TEXT, 
	crm_version BIGINT NOT NULL, 
	crm_revision BIGINT NOT NULL, 
	revision BIGINT NOT NULL, 
	deleted_by_crm BOOLEAN NOT NULL, 
	reported TEXT, 
	noted BOOLEAN NOT NULL, 
	agreed TEXT, 
	crm TEXT, 
	told TEXT, 
	CONSTRAINT pk_task_links PRIMARY KEY (id), 
	CONSTRAINT uq_task_links_crm_id UNIQUE (crm_id)
);
INSERT INTO "task_links" VALUES('t-1','active',1,'task-1',0,0,0,0,NULL,0,'{"subject":"Call Carla","notes":"","start":null,"due":"2026-12-01","priority":"B","status":"outstanding","restricted":false,"owner":null,"assign_to":["u-anna"],"for_":[],"external":null,"external_shown_to":[],"related":[],"recurrence":null,"alarms":[["u-anna","2026-11-20T12:00:00+00:00"]]}','{"subject":"Call Carla","notes":"","start":null,"due":"2026-12-01","priority":"B","status":"outstanding","restricted":false,"owner":null,"assign_to":["u-anna"],"for_":[],"external":null,"external_shown_to":[],"related":[],"recurrence":null,"alarms":[["u-anna","2026-11-20T12:00:00+00:00"]]}',NULL);
CREATE TABLE task_replicas (
	link_id TEXT NOT NULL, 
	user TEXT NOT NULL, 
	mailbox TEXT NOT NULL, 
	item_id TEXT, 
	change_key TEXT NOT NULL, 
	search_key TEXT NOT NULL, 
	live BOOLEAN NOT NULL, 
	removed BOOLEAN NOT NULL, 
	shown TEXT, 
	held TEXT, 
	attempt TEXT, 
	until DATETIME, 
	sensitivity TEXT NOT NULL, 
	block TEXT NOT NULL, 
	ours TEXT, 
	unsaid TEXT NOT NULL, 
	CONSTRAINT pk_task_replicas PRIMARY KEY (link_id, user), 
	CONSTRAINT fk_task_replicas_link_id FOREIGN KEY(link_id) REFERENCES task_links (id), 
	CONSTRAINT uq_task_replicas_mailbox_item_id UNIQUE (mailbox, item_id)
);
INSERT INTO "task_replicas" VALUES('t-1','u-anna','anna@bank.example','AAMkAD-2','','AB01',1,0,'{"subject":"Call Carla","notes":"","start":null,"due":"2026-12-01","priority":"B","status":"outstanding","restricted":false,"recurrence":null,"alarm":["2026-11-20T12:00:00+00:00"]}','{"subject":"Call Carla","notes":"","start":null,"due":"2026-12-01","priority":"B","status":"outstanding","restricted":false,"recurrence":null,"alarm":["2026-11-20T12:00:00+00:00"]}',NULL,NULL,'Normal','',NULL,'[]');
CREATE TABLE user_addresses (
	address TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	CONSTRAINT pk_user_addresses PRIMARY KEY (address, user_id)
);
INSERT INTO "user_addresses" VALUES('anna@bank.example','u-anna');
CREATE TABLE users (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	emails TEXT NOT NULL, 
	addresses TEXT NOT NULL, 
	stated_mailbox TEXT, 
	mailbox TEXT, 
	active BOOLEAN NOT NULL, 
	sync_enabled BOOLEAN NOT NULL, 
	user_type TEXT, 
	node_ids TEXT NOT NULL, 
	groups TEXT NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id)
);
INSERT INTO "users" VALUES('u-anna','Anna','["anna@bank.example"]','["anna@bank.example"]','anna@bank.example','anna@bank.example',1,1,NULL,'[]','[]');
CREATE INDEX ix_contact_addresses_contact_id ON contact_addresses (contact_id);
CREATE INDEX ix_heads_topic_reading ON heads (topic, reading);
CREATE INDEX ix_history_crm_id ON history (crm_id);
CREATE INDEX ix_history_link_id_id ON history (link_id, id);
CREATE INDEX ix_history_uid ON history (uid);
CREATE INDEX ix_nodes_parent ON nodes (parent);
CREATE INDEX ix_outbox_owner_id ON outbox (owner, id);
CREATE INDEX ix_parked_due ON parked (due);
CREATE INDEX ix_parked_reason_waits_for ON parked (reason, waits_for);
CREATE INDEX ix_user_addresses_user_id ON user_addresses (user_id);
CREATE INDEX ix_intents_link_id ON intents (link_id);
CREATE INDEX ix_outbox_key ON outbox ("key");
CREATE INDEX ix_task_replicas_mailbox_search_key ON task_replicas (mailbox, search_key);
CREATE INDEX ix_delegates_delegate ON delegates (delegate);
CREATE INDEX ix_delegates_due ON delegates (due);
CREATE INDEX ix_delegate_causes_principal_delegate ON delegate_causes (principal, delegate);
CREATE INDEX ix_delegate_causes_fresh ON delegate_causes (fresh);
CREATE INDEX ix_delegations_delegate ON delegations (delegate);
CREATE INDEX ix_mails_link_id_version ON mails (link_id, version);
CREATE INDEX ix_mails_at ON mails (at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',1);
INSERT INTO "sqlite_sequence" VALUES('history',1);
INSERT INTO "sqlite_sequence" VALUES('intents',1);
COMMIT;
