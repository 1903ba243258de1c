"""What can be wrong with a host's labels; told at the start, never to a member."""


class CertificateUnusable(ValueError):
    """The certificate or its key cannot sign; the text says why, and holds nothing secret."""


class ProviderInvalid(ValueError):
    """The provider's name does not fit into the AIGC field."""
