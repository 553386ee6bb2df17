"""Subscriptions over sockets: who asks for the same is served by one execution.

    members.py   one operation of one socket: reads its opening by itself, then joins a group
    groups.py    identical subscriptions: executed once, each result written once, its bytes for every member
    hub.py       which groups there are
    declared.py  which fields are watched in parts: the others are streamed to their one member, as they come
    keys.py      what makes two subscriptions identical
    chunks.py    what a member reads by itself: a part of the document's results, shared at that moment too
    frames.py    a result as the bytes of a message
    turns.py     how much of all this is done before other work of the process has its turn
    writers.py   the socket as all these see it

                 subscribe
                     |
      .------> reads by itself <------------------------------.
      |   snapshot, replay, or what it missed                 | its socket takes bytes again,
      |              | up to now, at a mark                   | and more than is kept was missed
      |              v                                        |
      |      in step with its group ---- bytes wait ----> behind: it knows no more than its mark
      |              |
      |              | its mark and the group's cannot be compared
      '--------------'
                     | the stream ends: complete, error

Queries and mutations never join, nor does a subscription that knows no parts: they read by themselves, once,
to the end.
"""
