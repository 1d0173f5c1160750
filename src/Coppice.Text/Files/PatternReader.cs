using Coppice.Text.Patterns;

namespace Coppice.Text.Files;

/// <summary>Reads patterns: an object with the member String (a literal) or Regex.</summary>
internal static class PatternReader
{
    public static Pattern Read(JsonField field)
    {
        if (field.Optional("String") is { } literal) return Pattern.Of(literal.Text);
        var expression = field.Required("Regex");
        try
        {
            return Pattern.Parse(expression.Text, $"{field.File}: {expression.Path}");
        }
        catch (PatternError error) when (error.Unsupported)
        {
            throw new UnsupportedModelException(
                $"{field.File}: {expression.Path} needs {error.Message}, which is not supported; supported: {Supported}.", error);
        }
        catch (PatternError error)
        {
            throw new CheckpointException($"{field.File}: {expression.Path} must be a regular expression, found {error.Message}.", error);
        }
    }

    private const string Supported = "groups, classes, general categories, scripts of living languages, "
        + "repetitions, look-around of fixed length backwards";
}
