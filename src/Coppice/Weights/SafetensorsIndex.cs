using System.Buffers;
using System.Text.Json;

namespace Coppice.Weights;

/// <summary>The file model.safetensors.index.json: which shard holds which tensor.</summary>
internal sealed class SafetensorsIndex
{
    /// <summary>Its name in a folder.</summary>
    public const string FileName = "model.safetensors.index.json";

    private static readonly SearchValues<char> PathCharacters = SearchValues.Create("\\:*?\"<>|");

    private SafetensorsIndex(Dictionary<string, string> shardOf) => ShardOf = shardOf;

    /// <summary>Shard by tensor name.</summary>
    public IReadOnlyDictionary<string, string> ShardOf { get; }
    /// <summary>Each shard's name once.</summary>
    public IEnumerable<string> Shards => ShardOf.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    /// <summary>Reads the index at <paramref name="path"/>.</summary>
    /// <exception cref="CheckpointException">It is malformed, or a shard's name leaves the folder.</exception>
    public static SafetensorsIndex Read(string path)
    {
        using var document = JsonFile.Read(path);
        return Of(document.RootElement);
    }

    /// <summary>The index that is written as <paramref name="root"/>.</summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    public static SafetensorsIndex Of(JsonElement root)
    {
        if (!root.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            throw new CheckpointException($"{FileName}: weight_map must be an object from tensor to shard, found none.");
        var shardOf = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in map.EnumerateObject())
        {
            string name, shard;
            try
            {
                name = property.Name;
                shard = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : "";
            }
            catch (InvalidOperationException e)
            {
                throw new CheckpointException($"{FileName}: names must be text: {CheckpointText.Clip(e.Message)}", e);
            }
            if (!IsInside(shard))
                throw new CheckpointException(
                    $"{FileName}: weight_map {CheckpointText.Quote(name)} must be a file name in the folder ending in .safetensors, found "
                    + $"{CheckpointText.Value(property.Value)}.");
            shardOf[name] = shard;
        }
        if (shardOf.Count == 0) throw new CheckpointException($"{FileName}: weight_map must name at least one tensor, found none.");
        return new SafetensorsIndex(shardOf);
    }

    /// <summary>A name in the folder or in folders below it, without any way to another folder or device.</summary>
    private static bool IsInside(string shard) =>
        shard.EndsWith(".safetensors", StringComparison.Ordinal) && shard.Length <= 255
        && shard.AsSpan().IndexOfAny(PathCharacters) < 0 && !shard.Any(char.IsControl)
        && shard.Split('/').All(part => part.Length > 0 && part[0] != '.');
}
