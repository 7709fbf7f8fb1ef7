"""What must not be stored is replaced before it is: between decoding and the store, on whole batches.

Rows come as the Arrow tables of `collector.columns` and leave in the same layout. Only what the file of rules, or the
built-in patterns of secrets, says is changed; a value that is taken out leaves `[REDACTED:KIND#HASH]` behind, where
HASH is keyed (HMAC-SHA-256): equal values leave equal marks, so that a repeated call is still seen as one, and nobody
without the key can find out a value by trying.
"""

from collector.redaction.batches import BatchRedaction as BatchRedaction
from collector.redaction.batches import BatchRedactor as BatchRedactor
from collector.redaction.contents import ContentNames as ContentNames
from collector.redaction.key import redaction_key as redaction_key
from collector.redaction.rules import Redaction as Redaction
from collector.redaction.rules import read_redaction as read_redaction
from collector.redaction.texts import Counts as Counts
