using System.Text;
using System.Text.Json;

namespace Coppice.Bench.Texts;

/// <summary>Texts of one kind, as documents of about 4,096 characters, and their bytes of UTF-8.</summary>
internal sealed record BenchText(string Kind, IReadOnlyList<string> Documents)
{
    private static readonly string[] English = ["novel.txt", "speech.txt"];

    private const int Longest = 4096, UnicodeCharacters = 1 << 16, CodeCharacters = 200_000;

    public double Bytes { get; } = Documents.Sum(text => Encoding.UTF8.GetByteCount(text));

    /// <summary>A novel and a speech, C# of this repository, and pieces of many scripts from the golden cases.</summary>
    /// <param name="golden">The folder golden.</param>
    /// <param name="repository">Whose code is read.</param>
    public static IReadOnlyList<BenchText> Read(string golden, string repository) =>
    [
        new("English", [.. English.SelectMany(name => Cut(File.ReadAllText(Path.Combine(golden, "text", name))))]),
        new("code", Cut(Code(repository))),
        new("Unicode", Cut(Scripts(Path.Combine(golden, "tokenizers", "smollm2", "cases.jsonl")))),
    ];

    private static string Code(string repository)
    {
        var text = new StringBuilder();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(repository, "src", "Coppice"), "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).TakeWhile(_ => text.Length < CodeCharacters)) text.Append(File.ReadAllText(file));
        return text.ToString();
    }

    /// <summary>
    /// Stretches of 5 to 60 characters at random places of the cases that are mostly beyond ASCII: so words are cut anew, and no cache has
    /// seen them all.
    /// </summary>
    private static string Scripts(string cases)
    {
        var source = new List<Rune>();
        foreach (var line in File.ReadLines(cases))
        {
            using var parsed = JsonDocument.Parse(line);
            var kind = parsed.RootElement.GetProperty("id").GetString()!.Split('-')[0];
            var text = parsed.RootElement.GetProperty("text").GetString()!;
            if (kind is "rnd" or "cp" or "own" or "inv" || text.Count(letter => letter > 0x7F) * 3 < text.Length) continue;
            source.AddRange(text.EnumerateRunes());
        }
        var random = new Random(20261129);
        var result = new StringBuilder();
        while (result.Length < UnicodeCharacters)
        {
            var start = random.Next(source.Count - 60);
            foreach (var letter in source.Skip(start).Take(random.Next(5, 60))) result.Append(letter);
            result.Append(random.Next(8) == 0 ? '\n' : ' ');
        }
        return result.ToString();
    }

    /// <summary>Documents end with a line.</summary>
    private static List<string> Cut(string text)
    {
        var documents = new List<string>();
        for (var start = 0; start < text.Length;)
        {
            var end = start + Longest >= text.Length ? text.Length : text.IndexOf('\n', start + Longest) + 1;
            if (end <= start) end = text.Length;
            documents.Add(text[start..end]);
            start = end;
        }
        return documents;
    }
}
