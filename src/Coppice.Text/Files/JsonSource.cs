using System.Text.Json;
using System.Text.Unicode;

namespace Coppice.Text.Files;

/// <summary>The bytes of a JSON file and the places of members in it, so that large members are read once, where they lie.</summary>
internal sealed class JsonSource
{
    private const int LargestFile = 1 << 28;

    private JsonSource(string name, ReadOnlyMemory<byte> bytes)
    {
        Name = name;
        Bytes = bytes;
    }

    /// <summary>The file's name without folder, for messages.</summary>
    public string Name { get; }

    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Reads a whole file; it must be UTF-8.</summary>
    public static JsonSource Read(string path) => Of(Path.GetFileName(path), ReadBytes(path));

    /// <summary>The same for a file that Python writes, with bare NaN and infinities as strings.</summary>
    public static JsonSource ReadPython(string path)
    {
        var source = Read(path);
        return new JsonSource(source.Name, PythonJson.WithoutConstants(source.Bytes));
    }

    /// <summary>Reads all bytes of a file.</summary>
    public static byte[] ReadBytes(string path) => CheckpointFile.ReadAll(path, LargestFile);

    /// <summary>A source over bytes in memory.</summary>
    public static JsonSource Of(string name, byte[] bytes) => new(name, Checked(name, bytes));

    /// <summary>
    /// Where the members of the object that is the whole file lie, the last of a key that is repeated; those of the member
    /// <paramref name="inner"/>, if it is an object, are listed too, as "inner.key".
    /// </summary>
    public Dictionary<string, Range> Members(string inner)
    {
        try
        {
            var reader = new Utf8JsonReader(Bytes.Span);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                throw new CheckpointException($"{Name}: the file must be an object, found {reader.TokenType}.");
            var members = new Dictionary<string, Range>();
            AddMembers(ref reader, "", inner, members);
            // Only white space may follow the object.
            while (reader.Read()) { }
            return members;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Malformed(error);
        }
    }

    private static void AddMembers(ref Utf8JsonReader reader, string prefix, string inner, Dictionary<string, Range> members)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = prefix + reader.GetString();
            reader.Read();
            var first = (int)reader.TokenStartIndex;
            if (key == inner && reader.TokenType == JsonTokenType.StartObject) AddMembers(ref reader, inner + ".", "", members);
            else reader.Skip();
            members[key] = first..(int)reader.BytesConsumed;
        }
    }

    /// <summary>Parses the value that lies at <paramref name="where"/>.</summary>
    public JsonField Field(Range where, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(Bytes[where]);
            return new JsonField(Name, path, document.RootElement.Clone());
        }
        catch (JsonException error)
        {
            throw Malformed(error);
        }
    }

    /// <summary>The error that the file is not JSON.</summary>
    public CheckpointException Malformed(Exception error) => new($"{Name}: {JsonMistake.Describe(Bytes.Span, error)}.", error);

    private static ReadOnlyMemory<byte> Checked(string name, byte[] bytes)
    {
        if (!Utf8.IsValid(bytes))
            throw new CheckpointException($"{name}: must be UTF-8 text, found "
                + $"{(JsonMistake.IsUtf16(bytes) ? "UTF-16 (save it as UTF-8)" : "an invalid byte sequence")}.");
        return bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsMemory(3) : bytes;
    }
}
