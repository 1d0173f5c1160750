using System.Buffers;
using System.Text.Json;
using Coppice.Constraints;
using Coppice.Text;

namespace Coppice.Cli;

/// <summary>One line of a JSON lines file: its number, counted from 1, and its object.</summary>
internal readonly record struct JsonLine(string File, int Number, JsonElement Json)
{
    /// <summary>What the line calls itself; null where it has no id.</summary>
    public JsonElement? Id => Json.TryGetProperty("id", out var id) ? id : null;

    /// <summary>An error in this line.</summary>
    public CommandException Wrong(string message, Exception? inner = null) => new($"{File}, line {Number}: {message}", inner);

    /// <summary>What <paramref name="work"/> for this line gives; an error in it that the user can mend names the line.</summary>
    public T Of<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception error) when (IsMendable(error))
        {
            throw Wrong(Failure.Message(error), error);
        }
    }

    /// <summary>Whether <paramref name="error"/> is about what the line asks for.</summary>
    public static bool IsMendable(Exception error) =>
        error is EngineException or CommandException or ConstraintException or ArgumentException;

    /// <summary>Refuses keys other than <paramref name="known"/>.</summary>
    public void Refuse(params string[] known)
    {
        foreach (var property in Json.EnumerateObject())
        {
            if (known.Contains(property.Name)) continue;
            throw Wrong($"\"{JsonLines.Clip(property.Name)}\" is not known; known are {string.Join(", ", known)}.");
        }
    }

    /// <summary>The token ids under <paramref name="key"/>, or null where there are none.</summary>
    /// <exception cref="CommandException">It is not a list of whole numbers of at least 0.</exception>
    public int[]? Ids(string key)
    {
        if (!Json.TryGetProperty(key, out var value)) return null;
        if (value.ValueKind != JsonValueKind.Array) throw Wrong($"\"{key}\" must be a list of token ids.");
        var ids = new int[value.GetArrayLength()];
        for (var i = 0; i < ids.Length; i++)
        {
            if (value[i].ValueKind != JsonValueKind.Number || !value[i].TryGetInt32(out ids[i]) || ids[i] < 0)
                throw Wrong($"\"{key}\" must be a list of token ids.");
        }
        return ids;
    }

    /// <summary>The conversation under "messages", or null where there is none.</summary>
    /// <exception cref="CommandException">It is not a list of objects.</exception>
    public IReadOnlyList<ChatMessage>? Messages()
    {
        if (!Json.TryGetProperty("messages", out var messages) || messages.ValueKind == JsonValueKind.Null) return null;
        var isList = messages.ValueKind == JsonValueKind.Array;
        if (!isList || messages.EnumerateArray().Any(message => message.ValueKind != JsonValueKind.Object))
            throw Wrong("\"messages\" must be a list of objects.");
        return [.. messages.EnumerateArray().Select(message => new ChatMessage(message))];
    }

    /// <summary>The text under <paramref name="key"/>, or null where there is none.</summary>
    /// <exception cref="CommandException">It is not a text, or holds half a surrogate pair.</exception>
    public string? Text(string key)
    {
        if (!Json.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null) return null;
        if (value.ValueKind != JsonValueKind.String)
            throw Wrong($"\"{key}\" must be a string, found {JsonLines.Clip(value.GetRawText())}.");
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException error)
        {
            throw Wrong($"\"{key}\" must be Unicode text, found half a surrogate pair or bytes that are not UTF-8.", error);
        }
    }
}

/// <summary>Reads files with a JSON object in each line, one after the other; empty lines are passed over.</summary>
internal static class JsonLines
{
    private const int MaxLineBytes = 256 << 20;
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 256 };

    /// <summary>The lines of <paramref name="path"/>, "-" for stdin.</summary>
    /// <exception cref="CommandException">The file cannot be read, or a line is not a JSON object.</exception>
    public static IEnumerable<JsonLine> Read(string path)
    {
        using var stream = TextFile.Open(path);
        var file = TextFile.Label(path);
        var (buffer, used, number) = (new byte[1 << 16], 0, 0);
        for (var ended = false; !ended || used > 0;)
        {
            var scanned = 0;
            int end;
            while ((end = buffer.AsSpan(scanned, used - scanned).IndexOf((byte)'\n')) < 0 && !ended)
            {
                scanned = used;
                if (used == buffer.Length) Array.Resize(ref buffer, Grown(buffer.Length, file, number + 1));
                var count = stream.Read(buffer, used, buffer.Length - used);
                ended = count == 0;
                used += count;
            }
            var length = end < 0 ? used : scanned + end;
            number++;
            if (Parse(buffer.AsMemory(0, length), file, number) is { } line) yield return line;
            var next = Math.Min(length + 1, used);
            buffer.AsSpan(next, used - next).CopyTo(buffer);
            used -= next;
        }
    }

    /// <summary>The beginning of a long text, for messages.</summary>
    public static string Clip(string text) => text.Length <= 60 ? text : text[..57] + "...";

    private static int Grown(int size, string file, int number) =>
        size < MaxLineBytes
            ? 2 * size
            : throw new CommandException($"{file}, line {number}: must be at most {MaxLineBytes:N0} bytes, found more.");

    private static JsonLine? Parse(ReadOnlyMemory<byte> utf8, string file, int number)
    {
        if (number == 1 && utf8.Span.StartsWith("\uFEFF"u8)) utf8 = utf8[3..];
        if (utf8.Span.Trim(" \t\r"u8).IsEmpty) return null;
        try
        {
            using var document = JsonDocument.Parse(utf8, Options);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                CheckNames(document.RootElement);
                return new JsonLine(file, number, document.RootElement.Clone());
            }
            throw new CommandException($"{file}, line {number}: must be a JSON object, found {document.RootElement.ValueKind}.");
        }
        catch (InvalidOperationException error)
        {
            throw new CommandException(
                $"{file}, line {number}: keys and \"id\" must be Unicode text, found half a surrogate pair.", error);
        }
        catch (JsonException error)
        {
            throw new CommandException(
                $"{file}, line {number}: must be a JSON object, but byte {error.BytePositionInLine + 1} does not belong to one.", error);
        }
    }

    /// <summary>Reads every key of the line and its id: a look for any key, and an answer that repeats the id, would fail later.</summary>
    /// <exception cref="InvalidOperationException">One is no text.</exception>
    private static void CheckNames(JsonElement line)
    {
        foreach (var property in line.EnumerateObject())
        {
            if (property.Name == "id") CheckTexts(property.Value);
        }
    }

    private static void CheckTexts(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String) _ = value.GetString();
        else if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in value.EnumerateArray()) CheckTexts(item);
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in value.EnumerateObject())
            {
                _ = property.Name;
                CheckTexts(property.Value);
            }
        }
    }
}
