using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Unicode;

namespace Coppice.Weights;

/// <summary>Reads the JSON header of a safetensors file and checks everything that later reads rely on.</summary>
/// <remarks>Format: 8 bytes header length, little-endian; that many bytes of JSON; the data, which the tensors cover without gap or
/// overlap.</remarks>
internal sealed class SafetensorsHeader
{
    /// <summary>The reference reader's limit on the header.</summary>
    public const long MaxHeaderBytes = 100_000_000;

    private const int MaxTensors = 1 << 20;
    private const int MaxRank = 32;
    private const string MetadataKey = "__metadata__";

    private readonly string _file;

    private SafetensorsHeader(string file) => _file = file;

    /// <summary>Tensors by name.</summary>
    public Dictionary<string, SafetensorsEntry> Tensors { get; } = [];
    /// <summary>Free text that the writer added.</summary>
    public Dictionary<string, string> Metadata { get; } = [];

    /// <summary>
    /// Reads <paramref name="json"/>, the header of <paramref name="file"/>, whose data has <paramref name="dataBytes"/> bytes.
    /// </summary>
    /// <exception cref="CheckpointException">The header is malformed or does not fit the data.</exception>
    public static SafetensorsHeader Parse(string file, ReadOnlySpan<byte> json, long dataBytes)
    {
        var header = new SafetensorsHeader(file);
        if (!Utf8.IsValid(json)) header.Throw("the header must be UTF-8, found other bytes");
        try
        {
            header.ReadTensors(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CheckpointException($"{file}: the header must be JSON: {CheckpointText.Clip(e.Message)}", e);
        }
        header.CheckCoverage(dataBytes);
        return header;
    }

    private void ReadTensors(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        var metadataSeen = false;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) Throw($"the header must be an object, found {reader.TokenType}");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (name == MetadataKey)
            {
                if (metadataSeen) Throw($"{MetadataKey} must occur once");
                metadataSeen = true;
                ReadMetadata(ref reader);
                continue;
            }
            if (Tensors.Count == MaxTensors) Throw($"a file must have at most {MaxTensors:N0} tensors, found more");
            if (!Tensors.TryAdd(name, ReadTensor(ref reader, name))) Throw($"tensor {CheckpointText.Quote(name)} must occur once");
        }
        while (reader.Read()) { }       // only white space may follow: the reader throws otherwise
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject) Throw($"{MetadataKey} must be an object, found {reader.TokenType}");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                Throw($"{MetadataKey} {CheckpointText.Quote(key)} must be a string, found {reader.TokenType}");
            if (!Metadata.TryAdd(key, reader.GetString()!)) Throw($"{MetadataKey} {CheckpointText.Quote(key)} must occur once");
        }
    }

    private SafetensorsEntry ReadTensor(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            Throw($"tensor {CheckpointText.Quote(name)} must be an object, found {reader.TokenType}");
        string? type = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            switch (key)
            {
                case "dtype" when type is null && reader.TokenType == JsonTokenType.String: type = reader.GetString(); break;
                case "shape" when shape is null: shape = ReadNumbers(ref reader, name, key); break;
                case "data_offsets" when offsets is null: offsets = ReadNumbers(ref reader, name, key); break;
                case "dtype" or "shape" or "data_offsets":
                    Throw(
                        $"tensor {CheckpointText.Quote(name)}: {key} must occur once and be {(key == "dtype" ? "a string" : "an array")}, "
                        + $"found {reader.TokenType}");
                    break;
                default: reader.Skip(); break;
            }
        }
        if (type is null || shape is null || offsets is null)
            Throw(
                $"tensor {CheckpointText.Quote(name)}: {(type is null ? "dtype" : shape is null ? "shape" : "data_offsets")} must be "
                + "given, found none");
        return Check(name, type, shape, offsets);
    }

    private long[] ReadNumbers(ref Utf8JsonReader reader, string name, string key)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            Throw($"tensor {CheckpointText.Quote(name)}: {key} must be an array, found {reader.TokenType}");
        var numbers = new List<long>(4);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (numbers.Count == MaxRank)
                Throw($"tensor {CheckpointText.Quote(name)}: {key} must have at most {MaxRank} numbers, found more");
            var number = -1L;
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out number) || number < 0)
                Throw(
                    $"tensor {CheckpointText.Quote(name)}: {key} must hold whole numbers from 0 to 2^63 - 1, found "
                    + $"{CheckpointText.Token(ref reader)}");
            numbers.Add(number);
        }
        return [.. numbers];
    }

    private SafetensorsEntry Check(string name, string typeName, long[] shape, long[] offsets)
    {
        if (!SafetensorsTypes.TryParse(typeName, out var type))
            Throw($"tensor {CheckpointText.Quote(name)}: dtype must be one of the format's types, found {CheckpointText.Quote(typeName)}");
        if (offsets.Length != 2) Throw($"tensor {CheckpointText.Quote(name)}: data_offsets must be two numbers, found {offsets.Length}");
        if (offsets[0] > offsets[1])
            Throw($"tensor {CheckpointText.Quote(name)}: data_offsets must ascend, found {offsets[0]} and {offsets[1]}");
        var entry = new SafetensorsEntry(name, type, shape, offsets[0], offsets[1]);
        if (!SafetensorsEntry.TryBytes(type, shape, out var bytes))
            Throw($"tensor {CheckpointText.Quote(name)}: {entry.ShapeText} of {typeName} must be below 2^63 bytes");
        if (bytes != entry.Bytes)
            Throw(
                $"tensor {CheckpointText.Quote(name)}: {entry.ShapeText} of {typeName} is {bytes:N0} bytes, but data_offsets span "
                + $"{entry.Bytes:N0}");
        return entry;
    }

    private void CheckCoverage(long dataBytes)
    {
        var expected = 0L;
        foreach (var entry in Tensors.Values.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin < expected)
                Throw(
                    $"tensor {CheckpointText.Quote(entry.Name)} begins at {entry.Begin:N0}, inside the tensor that ends at {expected:N0}");
            if (entry.Begin > expected)
                Throw(
                    $"tensors must cover the data, but bytes {expected:N0} to {entry.Begin:N0}, before {CheckpointText.Quote(entry.Name)}, "
                    + "belong to none");
            if (entry.End > dataBytes)
                Throw(
                    $"tensor {CheckpointText.Quote(entry.Name)} ends at {entry.End:N0}, but the data has {dataBytes:N0} bytes (is the file "
                    + "whole?)");
            expected = entry.End;
        }
        if (expected != dataBytes) Throw($"tensors must cover the data, but they end at {expected:N0} of {dataBytes:N0} bytes");
    }

    [DoesNotReturn]
    private void Throw(string what) => throw new CheckpointException($"{_file}: {what}.");
}
