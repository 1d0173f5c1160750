using System.Text.Json;

namespace Coppice.Constraints.Tests.Support;

/// <summary>The schemas with instances of golden/jsonschema.</summary>
internal sealed record BenchCase(string Id, string Schema, IReadOnlyList<(string Data, bool IsValid)> Instances,
    IReadOnlyDictionary<string, string> Documents)
{
    /// <summary>All cases of a file, or every <paramref name="each"/>th.</summary>
    public static IEnumerable<BenchCase> Read(string file, int each = 1)
    {
        var index = 0;
        foreach (var line in File.ReadLines(Vocabularies.Golden(Path.Combine("jsonschema", file))))
        {
            if (index++ % each != 0) continue;
            using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 256 });
            var root = document.RootElement;
            yield return new BenchCase(
                root.GetProperty("id").GetString()!,
                root.GetProperty("schema").GetRawText(),
                [.. root.GetProperty("tests").EnumerateArray()
                    .Select(test => (test.GetProperty("data").GetString()!, test.GetProperty("valid").GetBoolean()))],
                root.TryGetProperty("remotes", out var remotes) ? remotes.EnumerateObject()
                    .ToDictionary(remote => remote.Name, remote => remote.Value.GetRawText()) : new());
        }
    }
}
