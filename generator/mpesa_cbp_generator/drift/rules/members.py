"""Rules for elements, attributes and text inside a type."""

from __future__ import annotations

from mpesa_cbp_generator.drift.rules.rule import Rule

_REGENERATE = "Regenerate the bindings"

MEMBER_RULES: tuple[Rule, ...] = (
    Rule(
        id="required-element-added",
        title="a required element or attribute is new",
        outbound=("error",),
        inbound=("warning", "info"),
        source=("breaking", "additive"),
        what="A type has an element or attribute that it did not have, and every message must carry it. Inbound it is "
        "info where a wildcard takes what is unknown; on the source axis it is additive where the contract gives a "
        "default.",
        why="What we send without it is refused. What we receive with it is refused by strict readers that do not "
        "know it. Code that builds the class without the new argument fails.",
        example='<xs:element name="Currency" type="xs:string"/> stands in a sequence for the first time.',
        advice=f"{_REGENERATE}, give the new argument wherever the class is built, release before the other side "
        "insists on it.",
    ),
    Rule(
        id="optional-element-added",
        title="an optional element or attribute is new",
        outbound=("info",),
        inbound=("warning", "info"),
        source=("additive",),
        what="A type may carry something that it could not carry. Inbound it is info where a wildcard takes what is "
        "unknown.",
        why="Nothing that we send becomes wrong. A strict reader refuses the unknown element; a tolerant one reports "
        "it as unknown and its value is not at hand.",
        example='<xs:element name="Channel" type="xs:string" minOccurs="0"/> is added to Result.',
        advice=f"{_REGENERATE} to read or send it; until then read tolerantly.",
    ),
    Rule(
        id="element-removed",
        title="an element or attribute is gone",
        outbound=("error",),
        inbound=("error", "warning"),
        source=("breaking",),
        what="A type no longer has it. Inbound it is an error where the old contract required it, and a warning where "
        "it was optional or its absence is tolerated on reading.",
        why="The other side does not know what we still send. A reader of the old contract misses what it requires. "
        "Code that uses the field fails.",
        example="CheckSum is no longer in Caller.",
        advice="Stop using the field, delete entries of bindings.toml that name it, regenerate, and find out where its "
        "information went.",
    ),
    Rule(
        id="element-renamed",
        title="an element or attribute has another name",
        outbound=("error",),
        inbound=("error", "warning"),
        source=("breaking", "none"),
        what="At the same place, with the same type, stands a name that is nearly the old one. Inbound it is a warning "
        "where an alias of bindings.toml reads both names. On the source axis it is none where both names become the "
        "same Python name.",
        why="The name is what stands on the wire: the other side does not see what we send under the old one.",
        example="PrimartyParty becomes PrimaryParty.",
        advice="In bindings.toml write the new name wherever the old one stands, and add the old one under it in "
        "[reading.aliases]; regenerate, and rename in code. Ask the other side from which day on it wants the new "
        "name.",
    ),
    Rule(
        id="element-became-required",
        title="an optional element or attribute is required now",
        outbound=("error",),
        inbound=("info",),
        source=("breaking", "none"),
        what="minOccurs rose from 0, or use became required.",
        why="Messages that leave it out are refused from now on. On the source axis it is none where the Python field "
        "had and keeps a default.",
        example='Remark loses minOccurs="0".',
        advice="Fill it in everywhere before the new contract is in force.",
    ),
    Rule(
        id="element-became-optional",
        title="a required element or attribute is optional now",
        outbound=("info",),
        inbound=("error", "info"),
        source=("breaking", "none"),
        what="minOccurs fell to 0, or use became optional. Inbound it is info where its absence was tolerated on "
        "reading already, or where an attribute has a default.",
        why="Readers of the old contract refuse a message without it. The Python field may be None from now on.",
        example='TransactionID gains minOccurs="0".',
        advice="Regenerate, and handle None; [reading] absent makes the old bindings tolerate it meanwhile.",
    ),
    Rule(
        id="element-became-repeated",
        title="an element may stand more than once now",
        outbound=("info",),
        inbound=("error",),
        source=("breaking",),
        what="maxOccurs rose from 1.",
        why="A reader of the old contract has room for one. The Python field becomes a list.",
        example='ReceiverParty gains maxOccurs="unbounded".',
        advice="Regenerate, and loop where one value was taken.",
    ),
    Rule(
        id="element-became-single",
        title="an element may stand only once now",
        outbound=("error",),
        inbound=("info",),
        source=("breaking",),
        what="maxOccurs fell to 1.",
        why="A second one that we send is refused. The Python field is no list any more.",
        example='Parameter loses maxOccurs="unbounded".',
        advice="Regenerate, and decide in code which one is sent.",
    ),
    Rule(
        id="occurrence-narrowed",
        title="the number of occurrences is narrower",
        outbound=("error",),
        inbound=("info",),
        source=("none",),
        what="A repeated element must stand more often than before, or may stand less often.",
        why="Lists that were legal are refused.",
        example="maxOccurs of ReferenceItem falls from unbounded to 10.",
        advice="Check the length of what is sent; validate() does after regeneration.",
    ),
    Rule(
        id="occurrence-widened",
        title="the number of occurrences is wider",
        outbound=("info",),
        inbound=("warning",),
        source=("none",),
        what="A repeated element need not stand as often as before, or may stand more often.",
        why="Code may rely on the old bounds of a list that it receives.",
        example="minOccurs of ResultParameter falls from 2 to 1.",
        advice="Look at code that takes an item by its number.",
    ),
    Rule(
        id="element-order-changed",
        title="elements stand in another order",
        outbound=("error", "info"),
        inbound=("info",),
        source=("none",),
        what="The order that the type prescribes for elements which both contracts have is another. Outbound it is "
        "info where the order became free.",
        why="Strict receivers refuse elements out of order. We read by name.",
        example="serviceId moves behind timeStamp.",
        advice="Regenerate: the writer takes the order from the contract.",
    ),
    Rule(
        id="model-group-tightened",
        title="fewer combinations of elements are allowed",
        outbound=("error",),
        inbound=("info",),
        source=("none",),
        what="A choice, an optional or a repeated group, or a wildcard allows fewer of the documents that it allowed, "
        "and no finding about a single element says so.",
        why="Combinations that were legal are refused.",
        example="One of Parameters and EncryptedParameters must be there; both could be left out.",
        advice="Check which combinations code sends; validate() does not hold all of this.",
    ),
    Rule(
        id="model-group-loosened",
        title="more combinations of elements are allowed",
        outbound=("info",),
        inbound=("warning",),
        source=("none",),
        what="A choice, an optional or a repeated group, or a wildcard allows more documents than before, and no "
        "finding about a single element says so.",
        why="Combinations arrive that code may not expect.",
        example="Both Parameters and EncryptedParameters may be left out; one of them had to be there.",
        advice="Look at code that counts on one of the alternatives.",
    ),
    Rule(
        id="model-group-changed",
        title="other combinations of elements are allowed",
        outbound=("error",),
        inbound=("warning",),
        source=("none",),
        what="Groups were put together otherwise, and neither content model allows all that the other one does. In "
        "mixed content, where elements have no fields of their own, any change of theirs is told so; #… stands for "
        "what an element holds there.",
        why="Combinations that were legal may be refused, and unexpected ones may arrive.",
        example="Rounds of Key and Value become all Keys, then all Values.",
        advice="Compare the two by hand, with the messages that you send and read.",
    ),
    Rule(
        id="namespace-changed",
        title="an element or attribute is in another namespace",
        outbound=("error",),
        inbound=("error",),
        source=("none",),
        what="The local name is the same, the namespace is not.",
        why="To a receiver that goes by the contract it is another element.",
        example="RequestSOAPHeader moves from http://www.huawei.com.cn/… to http://www.huawei.com/….",
        advice="Regenerate; ask which namespace the other side really reads.",
    ),
    Rule(
        id="form-changed",
        title="an element or attribute is qualified now, or no longer",
        outbound=("error",),
        inbound=("error",),
        source=("none",),
        what="form, elementFormDefault or attributeFormDefault puts it into the schema's namespace or takes it out.",
        why="Its name on the wire is another, although no name in the schema changed.",
        example='elementFormDefault="qualified" is gone.',
        advice="Regenerate; often it is a slip of whoever edited the schema, so ask.",
    ),
)
"""Rules whose findings lie inside a type."""
