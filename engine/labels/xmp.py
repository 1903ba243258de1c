"""The XMP packet of a file: what AIGC, IPTC and we ourselves have to say in it."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

LIMIT = 2**17
"""Bytes that are read of a stranger's packet: twice what fits into a JPEG."""
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
AIGC = "{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC"
RECIPE = "{urn:reroll:1/}recipe"
GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PREFIXES = {
    RDF: "rdf",
    "adobe:ns:meta/": "x",
    "http://www.tc260.org.cn/ns/AIGC/1.0/": "TC260",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "urn:reroll:1/": "reroll",
}
HEAD = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
TAIL = b'<?xpacket end="w"?>'


@dataclass(frozen=True, slots=True)
class Packet:
    """What a packet says: the AIGC field, and a recipe where the format has no better place."""

    aigc: str = ""
    recipe: str = ""

    def dumps(self) -> bytes:
        """Return the packet; it also says, in IPTC's words, that a model made the picture."""
        root = Element("x:xmpmeta", {f"xmlns:{short}": uri for uri, short in PREFIXES.items()})
        about = SubElement(SubElement(root, "rdf:RDF"), "rdf:Description", {"rdf:about": ""})
        said = {"TC260:AIGC": self.aigc, "reroll:recipe": self.recipe}
        said["Iptc4xmpExt:DigitalSourceType"] = GENERATED
        for name, text in said.items():
            if text:
                SubElement(about, name).text = text
        return HEAD + tostring(root) + TAIL


def read(content: bytes) -> Packet:
    """Read a stranger's packet: elements or attributes, of which the first counts."""
    if not content or len(content) > LIMIT:
        return Packet()
    try:
        root = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return Packet()
    return Packet(aigc=_found(root, AIGC), recipe=_found(root, RECIPE))


def _found(root: Element, name: str) -> str:
    for one in root.iter():
        if said := (one.text if one.tag == name else one.get(name)):
            return said
    return ""
