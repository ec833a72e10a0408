"""What the CRM must hold, worked out from what people did.

A second, independent reading of the rules: it knows the address book, the directory as the CRM announced it, and a log
of deeds, and imports nothing of the product (an import contract says so). What Exchange makes of a deed is in
`mailboxes`, who may see whom and whose options count in `directory`, what comes of it in the CRM in `crm`.

Where a rule leaves a choice open, people in these tests do not do what would need it.
"""
