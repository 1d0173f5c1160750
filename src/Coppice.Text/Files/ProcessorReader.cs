using Coppice.Text.Processors;

namespace Coppice.Text.Files;

/// <summary>Reads the post-processor; sequences become one list of templates, and what only moves offsets is left out.</summary>
internal static class ProcessorReader
{
    private const string Supported = "Sequence, TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel";

    public static Template[] Read(JsonField field)
    {
        var type = field.Required("type");
        return type.Text switch
        {
            "Sequence" => [.. field.Required("processors").Items().SelectMany(Read)],
            "TemplateProcessing" => [ReadTemplate(field)],
            "BertProcessing" or "RobertaProcessing" => [new Template([[ReadPair(field, "cls")], null, [ReadPair(field, "sep")]])],
            "ByteLevel" => [],
            _ => throw type.Unsupported(Supported),
        };
    }

    private static int ReadPair(JsonField field, string key)
    {
        var pair = field.Required(key);
        var items = pair.Items();
        if (items.Count != 2 || !items[0].IsString) throw pair.Wrong("a token and its id");
        return items[1].Integer(Vocabulary.IdLimit - 1);
    }

    private static Template ReadTemplate(JsonField field)
    {
        var special = new Dictionary<string, int[]>();
        foreach (var (key, value) in field.Required("special_tokens").Members())
            special[key] = [.. value.Required("ids").Items().Select(item => item.Integer(Vocabulary.IdLimit - 1))];
        return new Template([.. field.Required("single").Items().Select(part => ReadPart(part, special))]);
    }

    private static int[]? ReadPart(JsonField part, Dictionary<string, int[]> special)
    {
        if (part.Optional("SpecialToken") is { } token)
        {
            var id = token.Required("id");
            return special.TryGetValue(id.Text, out var ids) ? ids : throw id.Wrong("a key of special_tokens");
        }
        var sequence = part.Required("Sequence").Required("id");
        return sequence.Text == "A" ? null : throw sequence.Wrong("\"A\" in the template for one text");
    }
}
