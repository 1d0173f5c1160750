using Coppice.Text.Normalizers;

namespace Coppice.Text.Files;

/// <summary>Reads the normalizer.</summary>
internal static class NormalizerReader
{
    private const string Supported = "Sequence, Prepend, Replace";

    public static Normalizer Read(JsonField field)
    {
        var type = field.Required("type");
        switch (type.Text)
        {
            case "Sequence":
                return new NormalizerSequence([.. field.Required("normalizers").Items().Select(Read)]);
            case "Prepend":
                var prefix = field.Required("prepend").Text;
                return new Rewrite(text => text.Length == 0 ? text : prefix + text);
            case "Replace":
                var pattern = PatternReader.Read(field.Required("pattern"));
                var content = field.Required("content").Text;
                return new Rewrite(text => pattern.Replace(text, content));
            default:
                throw type.Unsupported(Supported);
        }
    }
}
