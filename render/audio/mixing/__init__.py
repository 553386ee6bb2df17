"""Several sounds as one: stems summed at their gains, from their beginnings on, into one lossless file.

Nothing but a factor for the whole is ever done to a sum: what would be beyond full scale is turned down until
it just fits, so that a mix of stems is their sum and the difference of two stems is their difference.
"""
