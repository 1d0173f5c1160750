using System.Text;
using Coppice.Text.PreTokenizers;
using Coppice.Text.Unicode;

namespace Coppice.Text.Files;

/// <summary>Reads the pre-tokenizer; sequences become one list.</summary>
internal static class PreTokenizerReader
{
    private const string Supported = "Sequence, Split, ByteLevel, Digits, Metaspace, Whitespace, WhitespaceSplit, Punctuation, "
        + "BertPreTokenizer, "
        + "CharDelimiterSplit, FixedLength";

    private static readonly CodePointProperty Numeric = new(CodePoints.IsNumeric);
    private static readonly CodePointProperty WhiteSpace = new(CodePoints.IsWhiteSpace);
    private static readonly CodePointProperty Punctuation = new(OlderCategories.IsPunctuation);

    private const string Behaviors = "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous";

    /// <summary>
    /// Appends the pre-tokenizers of <paramref name="field"/>. True if the last is to spell the pieces in the byte alphabet: that is left
    /// to the caller, since a model may do it when it needs to.
    /// </summary>
    public static bool Read(JsonField field, List<PreTokenizer> list)
    {
        var spells = false;
        foreach (var part in Flatten(field))
        {
            if (spells) list.Add(new ByteLevelSpelling());
            spells = part.Required("type").Text == "ByteLevel";
            if (spells) ReadByteLevel(part, list);
            else ReadOne(part, list);
        }
        return spells;
    }

    private static IEnumerable<JsonField> Flatten(JsonField field) =>
        field.Required("type").Text == "Sequence" ? field.Required("pretokenizers").Items().SelectMany(Flatten) : [field];

    private static void ReadByteLevel(JsonField part, List<PreTokenizer> list)
    {
        if (part.Required("add_prefix_space").Flag) list.Add(new SpacePrefix());
        if (part.FlagOr("use_regex", true)) list.Add(ByteLevelPattern.Split);
    }

    private static void ReadOne(JsonField part, List<PreTokenizer> list)
    {
        var type = part.Required("type");
        switch (type.Text)
        {
            case "Split":
                list.Add(new PatternSplit(PatternReader.Read(part.Required("pattern")), ReadBehavior(part.Required("behavior")),
                    part.Required("invert").Flag));
                break;
            case "Digits":
                var each = part.Required("individual_digits").Flag;
                list.Add(new CharacterSplit(Numeric, each ? SplitBehavior.Isolated : SplitBehavior.Contiguous));
                break;
            case "Metaspace":
                list.Add(ReadMetaspace(part));
                break;
            case "Whitespace":
                list.Add(new WordSplit());
                break;
            case "WhitespaceSplit":
                list.Add(new CharacterSplit(WhiteSpace, SplitBehavior.Removed));
                break;
            case "Punctuation":
                var behavior = part.Optional("behavior") is { } given ? ReadBehavior(given) : SplitBehavior.Isolated;
                list.Add(new CharacterSplit(Punctuation, behavior));
                break;
            case "BertPreTokenizer":
                list.AddRange(Bert());
                break;
            case "CharDelimiterSplit" or "Delimiter":
                var delimiter = Rune.GetRuneAt(part.Required("delimiter").Character, 0).Value;
                list.Add(new CharacterSplit(letter => letter == delimiter, SplitBehavior.Removed));
                break;
            case "FixedLength":
                var length = part.Optional("length");
                list.Add(new FixedLength(length is { } field ? Math.Max(1, field.Integer(int.MaxValue)) : 5));
                break;
            default:
                throw type.Unsupported(Supported);
        }
    }

    /// <summary>BERT's cuts: at white space, which is left out, and round every punctuation mark.</summary>
    public static PreTokenizer[] Bert() =>
        [
            new CharacterSplit(WhiteSpace, SplitBehavior.Removed),
            new CharacterSplit(Punctuation, SplitBehavior.Isolated),
        ];

    private static Metaspace ReadMetaspace(JsonField part) =>
        new(part.Required("replacement").Character, ReadScheme(part), part.FlagOr("split", true));

    /// <summary>The prepend_scheme of a Metaspace, or what the older add_prefix_space says.</summary>
    public static PrependScheme ReadScheme(JsonField part)
    {
        var prefixed = part.FlagOr("add_prefix_space", true);
        if (part.Optional("prepend_scheme") is not { } field) return prefixed ? PrependScheme.Always : PrependScheme.Never;
        var scheme = field.Text switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw field.Unsupported("always, first, never"),
        };
        if (!prefixed && scheme != PrependScheme.Never) throw field.Wrong("\"never\" where add_prefix_space is false");
        return scheme;
    }

    private static SplitBehavior ReadBehavior(JsonField field) => field.Text switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        _ => throw field.Unsupported(Behaviors),
    };
}
