"""The bus: Kafka in, Kafka out.

`port` says what is asked of a broker; `kafka` (the one file that imports aiokafka) and `memory` answer it. `engine`
reads records through it, runs them in lanes (`partition`, `lanes`), and keeps count of what is finished (`tracker`), so
that an offset is committed only when everything below it is done. What a record *means* is decided elsewhere: a
`routes.Route` brings the function that processes it.
"""
