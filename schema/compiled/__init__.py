"""Selections of plain attributes, compiled for an operation that comes again or has a long list to complete.

Where the whole selection under a value consists of plain attribute reads, a function that was written for
that selection walks the value: no path, no info, no call for each field, exact types only. It gives what
graphql-core would give, or it raises `Surprise`, and graphql-core completes the same value itself: nulls,
errors, their paths and their order are always its own.

    gate        for which versions this is right, and what of them the proofs rest on
    plain       the proof that a field is one attribute read, and a type one Python class
    leaves      scalars and enums
    source      the walk through lists, objects, interfaces and unions, as Python text
    conditions  the variables that @skip and @include ask for
    plans       which walks were made for an operation, and how long they live
    selections  what a schema has of all this, and what is counted and logged

Only `schema.execution` calls it. Attributes are read twice where a value surprises: nothing is compiled that
could do more, when it is read, than give a value.
"""
