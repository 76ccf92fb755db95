"""Failed requests of Locust's own clients -> the words of `stacks.lifecycle.records.REQUEST_ERRORS`."""

# Each word, and the texts that mean it in the name or the message of an exception. The first match counts.
SIGNS = (
    ("refused", ("refused",)),
    ("timeout", ("timeout", "timed out")),
    ("reset", ("reset", "broken pipe")),
    ("truncated", ("chunkedencoding", "incompleteread", "incomplete")),
    ("closed", ("connectionclosed", "remotedisconnected", "closed")),
    ("malformed", ("parse", "badstatusline", "invalid")),
)


def error_word(error):
    """Return the word for an exception of any client, or for None. The causes of the exception count as well."""
    texts = []
    while error is not None:
        texts += [type(error).__name__, str(error)]
        error = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if isinstance(error, str):
            texts.append(error)
            error = None
    text = " ".join(texts).lower()
    for word, signs in SIGNS:
        if any(sign in text for sign in signs):
            return word
    return "other"


def is_truncated(response):
    """Return True if FastHttpSession received only a part of the body. It reports this only in its event."""
    return not getattr(getattr(response, "_response", None), "message_complete", True)
