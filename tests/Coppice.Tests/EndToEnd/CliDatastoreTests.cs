using System.Text.Json;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice datastore build` as a process, and what drafters do with its files, good and bad.</summary>
public sealed class CliDatastoreTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    private static readonly string Tiny = Path.Combine(SharedData.Repository, "weights", "tiny");
    private static readonly string[] Greedy = ["generate", "--model", Tiny, "--device", "cpu", "--prompt", "Gets or sets the",
        "--max-tokens", "60", "--ignore-eos", "--json"];

    /// <summary>What plain decoding says; as a corpus it holds whole continuations of itself.</summary>
    private static readonly Lazy<JsonElement> Plain = new(() => CliProcess.Run([.. Greedy, "--drafter", "none"]).Json);

    [Theory]
    [InlineData("suffix", "suffix")]
    [InlineData("suffix", "rasd")]
    [InlineData("aded", "aded")]
    public void A_datastore_gives_longer_drafts_and_the_same_text(string kind, string drafter)
    {
        var text = "Gets or sets the" + Plain.Value.GetProperty("text").GetString();
        var corpus = files.Write($"{drafter}.txt", text);
        var lines = files.Write($"{drafter}.jsonl", "{\"text\":\"Another document.\"}\n");
        var store = Path.Combine(files.Folder, $"{drafter}.store");
        var built = CliProcess.Run("datastore", "build", "--model", Tiny, "--text", corpus, "--jsonl", lines, "--kind", kind, "--out",
            store, "--json").Json;
        var documents = ((string[])[text, "Another document."]).Select(Ids).ToArray();
        Assert.Equal(kind, built.GetProperty("kind").GetString());
        Assert.Equal(2, built.GetProperty("documents").GetInt32());
        Assert.Equal(documents.Sum(document => document.Length), built.GetProperty("tokens").GetInt64());
        Assert.Equal(kind == "suffix" ? documents.Sum(document => document.Length + 1) : Pairs(documents), built.GetProperty("entries")
            .GetInt32());
        Assert.Equal(new FileInfo(store).Length, built.GetProperty("bytes").GetInt64());

        var without = CliProcess.Run([.. Greedy, "--drafter", $"{drafter}:guard=false"]).Json;
        var with = CliProcess.Run([.. Greedy, "--drafter", $"{drafter}:guard=false,file={store}"]).Json;
        foreach (var result in (JsonElement[])[without, with])
            Assert.Equal(Plain.Value.GetProperty("ids").GetRawText(), result.GetProperty("ids").GetRawText());
        Assert.True(Mean(with) > Mean(without) + 0.5, $"{Mean(with)} tokens a pass with the datastore, {Mean(without)} without");
    }

    [Fact]
    public void A_file_that_is_no_datastore_of_the_model_is_refused_before_anything_is_written()
    {
        var store = Build("suffix");
        var bytes = File.ReadAllBytes(store);
        var cut = Path.Combine(files.Folder, "cut.store");
        File.WriteAllBytes(cut, bytes[..^4]);
        var strange = Path.Combine(files.Folder, "strange.store");
        BitConverter.TryWriteBytes(bytes.AsSpan(64), 5000);         // the first token, in a vocabulary of 4096
        File.WriteAllBytes(strange, bytes);
        foreach (var drafter in (string[])["suffix", "rasd"])
        {
            Refused(Tiny, $"{drafter}:file={cut}", "cut.store: must have");
            Refused(Tiny, $"{drafter}:file={strange}", "strange.store: tokens must be below 4096, found 5000");
            Refused(Tiny, $"{drafter}:file={Path.Combine(files.Folder, "nowhere.store")}", "nowhere.store: cannot be read");
        }
        Refused(Tiny, $"suffix:file={Build("aded")}", "aded.store: must begin with COPSUFX1");
        Refused(Tiny, $"aded:file={store}", "suffix.store: must begin with COPTRIG1");
        Refused(files.Model, $"suffix:file={store}", "suffix.store: must be made with the tokenizer of this model");
    }

    [Fact]
    public void A_build_that_fails_leaves_no_file()
    {
        var (store, corpus) = (Path.Combine(files.Folder, "failed.store"), files.Write("corpus.txt", "Gets or sets the name."));
        Fails(1, "nowhere.txt: the file must be there", "--model", Tiny, "--text", "nowhere.txt", "--out", store);
        Fails(1, "line 1: must have a \"text\"", "--model", Tiny, "--jsonl", files.Write("textless.jsonl", "{\"id\":1}"), "--out", store);
        var empty = Directory.CreateDirectory(Path.Combine(files.Folder, "empty")).FullName;
        Fails(1, "empty: must hold one of tokenizer.json, tokenizer.model, vocab.json with merges.txt, vocab.txt", "--model", empty,
            "--text", corpus, "--out", store);
        Fails(2, "--text or --jsonl must be given", "--model", Tiny, "--out", store);
        Fails(2, "--kind must be one of suffix, aded, got frob", "--model", Tiny, "--text", corpus, "--kind", "frob", "--out", store);
        Fails(1, "cannot be written", "--model", Tiny, "--text", corpus, "--out", Path.Combine(files.Folder, "nowhere", "x.store"));
        Assert.False(File.Exists(store));
    }

    private string Build(string kind)
    {
        var store = Path.Combine(files.Folder, $"{kind}.store");
        Assert.Equal(0, CliProcess.Run("datastore", "build", "--model", Tiny, "--text", files.Write("names.txt", "Gets or sets the name."),
            "--kind", kind, "--out", store).Status);
        return store;
    }

    private static void Refused(string model, string drafter, string expected)
    {
        var outcome = CliProcess.Run("generate", "--model", model, "--device", "cpu", "--prompt", "Gets", "--max-tokens", "4", "--drafter",
            drafter);
        Assert.Contains(expected, outcome.OneError, StringComparison.Ordinal);
        Assert.Equal(1, outcome.Status);
    }

    private static void Fails(int status, string expected, params IEnumerable<string> arguments)
    {
        var outcome = CliProcess.Run([.. (string[])["datastore", "build"], .. arguments]);
        Assert.Contains(expected, outcome.OneError, StringComparison.Ordinal);
        Assert.Equal(status, outcome.Status);
    }

    /// <summary>Ids as another command gives them.</summary>
    private static int[] Ids(string text) =>
        [.. CliProcess.Run("tokenize", "--model", Tiny, "--json", "--", text).Json.GetProperty("ids").EnumerateArray()
            .Select(id => id.GetInt32())];

    /// <summary>Different pairs of tokens that a third one follows.</summary>
    private static int Pairs(IEnumerable<int[]> documents) =>
        documents.SelectMany(document => document.Zip(document.Skip(1)).Take(Math.Max(0, document.Length - 2))).Distinct().Count();

    private static double Mean(JsonElement result) => result.GetProperty("speculation").GetProperty("mean_accepted_length").GetDouble();
}
