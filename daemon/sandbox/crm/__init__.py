"""The sandbox CRM: a small CRM on the bus, for the demo, for tests, and for anyone who builds against the contract.

It does the CRM's part of the contract and no more: it takes commands by revision, lets people edit items over HTTP, and
says on the bus what happened. `service.SandboxCrm` works on any bus, `bus.CrmOnKafka` is the same on Kafka.
"""
