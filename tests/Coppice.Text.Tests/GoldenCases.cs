using System.Text.Json;
using Coppice.Tests.Support;
using Coppice.Text;

namespace Coppice.Text.Tests;

/// <summary>The golden tokenizers and their cases, computed with Hugging Face tokenizers 0.23.3.</summary>
internal static class GoldenCases
{
    /// <summary>The tokenizers by folder name.</summary>
    public static readonly string[] Names =
    [
        "smollm2", "llama2", "llama3", "qwen3", "synthetic-bpe-split", "synthetic-bpe-legacy", "synthetic-unigram", "synthetic-wordpiece",
    ];

    /// <summary>The tokenizer of that name; skips the test where the goldens are absent.</summary>
    public static Tokenizer Load(string name) => Tokenizer.Load(SharedData.Require(Path.Combine("golden", "tokenizers", name)));

    /// <summary>The cases of that name.</summary>
    public static IEnumerable<GoldenCase> Read(string name)
    {
        foreach (var line in File.ReadLines(SharedData.Require(Path.Combine("golden", "tokenizers", name, "cases.jsonl"))))
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            string? Text(string key) => root.TryGetProperty(key, out var value) ? value.GetString() : null;
            int[] Ids(string key) => [.. root.GetProperty(key).EnumerateArray().Select(item => item.GetInt32())];
            yield return new GoldenCase(Text("id")!, Text("text")!, Ids("ids"), Ids("ids_special"), Text("decoded")!, Text("decoded_skip")!,
                Text("decoded_022"), Text("decoded_skip_022"));
        }
    }
}

/// <summary>One golden case; the texts of release 0.22 are allowed too where they differ.</summary>
internal sealed record GoldenCase(string Id, string Text, int[] Ids, int[] IdsSpecial, string Decoded, string DecodedSkip,
    string? Decoded022, string? DecodedSkip022);
