using System.Globalization;
using System.Text.Json;
using Coppice.Peers;
using Coppice.Peers.Comparison;
using Xunit;

namespace Coppice.Tests.Peers;

/// <summary>What bench/peers makes of samples: medians, ratios, pages and plots.</summary>
public sealed class PeerResultsTests
{
    [Fact]
    public void A_series_is_the_median_of_its_rounds()
    {
        var series = new PeerSeries(Engines.Coppice, "", []);
        Assert.Null(series.Median);
        Assert.Null(series.Detail(Details.Pass));
        foreach (var (speed, pass) in ((double, double)[])[(5, 1), (1, 8), (4, 3), (2, 2)])
            series.Add(new Measurement("test", speed) { Details = new Dictionary<string, double> { [Details.Pass] = pass } });
        Assert.Equal(3, series.Median);
        Assert.Equal(2.5, series.Detail(Details.Pass));
        series.Add(new Measurement("test", 9));
        Assert.Equal(4, series.Median);
    }

    [Fact]
    public void The_ratio_is_to_the_fastest_series_of_any_peer()
    {
        var results = Results();
        var cell = results.Cells[0];
        Assert.Equal(2, cell.Ratio);        // 400 to 200: 100 and 150 are slower
        Assert.Equal("F16, flash attention on", cell.BestPeer()!.Setting);
        Assert.Equal(2, PeerResults.GeometricMean([cell]));
        results.Series("m", "16", cell.Test, "another", "BF16").Add(new Measurement(cell.Test, 800));
        Assert.Equal(0.5, cell.Ratio);
    }

    [Fact]
    public void A_file_gives_back_what_was_written()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("coppice-peers-").FullName, "concurrency.json");
        try
        {
            var results = Results();
            results.Write(path);
            Assert.Equal(JsonSerializer.Serialize(results), JsonSerializer.Serialize(PeerResults.Read(path)));
            var page = ResultPages.WriteConcurrency(path);
            Assert.Equal(page, File.ReadAllText(Path.ChangeExtension(path, ".md")));
            Assert.Contains("| 1 | 400 | 93 % | 200 | 2.00 | F16, flash attention on | 7.0 / 9.0 | 5.0 / 6.0 | 80.0 | 4.0 |", page,
                StringComparison.Ordinal);
            Assert.Contains("## m, 16 bits, 128+128 tokens, one prompt for all", page, StringComparison.Ordinal);
            var plot = File.ReadAllText(Path.ChangeExtension(path, ".svg"));
            Assert.Contains("<svg", plot, StringComparison.Ordinal);
            // Two panels with two curves each, and the legend's two lines.
            var lines = plot.Split('\n').Where(line => line.Contains("<polyline", StringComparison.Ordinal));
            Assert.Equal(4 + 2, lines.Count(line => line.Contains("stroke:rgb(68,119,170)", StringComparison.Ordinal)));
            ResultPages.WriteConcurrency(path);
            Assert.Equal(plot, File.ReadAllText(Path.ChangeExtension(path, ".svg")));
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    [Fact]
    public void Groups_of_concurrency_say_the_same_to_both_engines()
    {
        var groups = new ConcurrencyPlan("coppice", "llama", new PeerModel("m", "folder", "file"), 2, [1, 8], [128, 2048], 128).Groups()
            .ToArray();
        Assert.Equal(2 * 2 * 3, groups.Length);
        foreach (var (name, runs) in groups)
        {
            var shared = name.EndsWith(ConcurrencyPlan.Shared, StringComparison.Ordinal);
            var prompt = name.Contains("/2048+", StringComparison.Ordinal) ? "2048" : "128";
            Assert.Equal(name.StartsWith("m/16/", StringComparison.Ordinal) ? 5 : 3, runs.Count);
            Assert.All(runs, run => Assert.Equal(runs[0].Tests, run.Tests));
            Assert.Equal([prompt, "128", shared ? prompt : "0", "1,8"],
                ((string[])["--prompt-tokens", "--new-tokens", "--shared-prefix", "--concurrency"]).Select(key => After(runs[0], key)));
            foreach (var peer in runs.Skip(1))
            {
                Assert.Equal([prompt, "128", "1,1,8,1", "2", "2", "f16"], ((string[])["-npp", "-ntg", "-npl", "-t", "-tb", "-ctk"])
                    .Select(key => After(peer, key)));
                Assert.Equal(shared, peer.Arguments.Contains("-pps"));
                // Every one of 8 sequences has room for its prompt and its new tokens.
                Assert.True(Number(After(peer, "-c")) >= 8 * (Number(prompt) + 128));
            }
        }

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
        static string After(EngineRun run, string key) => run.Arguments[run.Arguments.ToList().IndexOf(key) + 1];
    }

    [Fact]
    public void A_run_without_the_rows_it_must_give_is_not_available()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("runs the program echo");
        var run = new EngineRun(Engines.Llama, "m", "16", "", "echo", ["text"], ["a", "b"], _ => [new Measurement("a", 1)]);
        Assert.Equal("echo gave no b", run.Measure().Error);
        Assert.Null((run with { Tests = ["a"] }).Measure().Error);
        Assert.NotNull((run with { Program = "no-such-program" }).Measure().Error);
    }

    [Theory]
    [InlineData("AuthenticAMD", 26, 2, "AMD EPYC", "epyc-zen5-2core")]
    [InlineData("AuthenticAMD", 25, 1, "AMD EPYC 7763 64-Core Processor", "epyc-zen3-2core")]
    [InlineData("AuthenticAMD", 25, 17, "AMD EPYC 9654 96-Core Processor", "epyc-zen4-2core")]
    [InlineData("AuthenticAMD", 25, 33, "AMD Ryzen 9 5950X 16-Core Processor", "ryzen-zen3-2core")]
    [InlineData("GenuineIntel", 6, 143, "Intel(R) Xeon(R) Platinum 8481C CPU", "xeon-family6-model143-2core")]
    public void A_processor_has_a_kind(string vendor, int family, int model, string name, string kind)
    {
        var text = $"processor\t: 0\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: "
            + $"{name}\n\nprocessor\t: 1\nmodel name\t: another\n";
        Assert.Equal(new ProcessorKind(name, kind), ProcessorKind.Parse(text, 2));
        Assert.Equal(new ProcessorKind("", "processor-family0-model0-4core"), ProcessorKind.Parse("", 4));
    }

    [Fact]
    public void Prompts_for_two_builds_are_some_of_each_class()
    {
        var folder = Directory.CreateTempSubdirectory("coppice-peers-").FullName;
        try
        {
            var (source, target) = (Path.Combine(folder, "in.jsonl"), Path.Combine(folder, "out.jsonl"));
            File.WriteAllLines(source,
            [
                """{"class":"chat","id":"x","messages":[{"role":"user","content":"é"}]}""",
                .. Enumerable.Range(0, 4).Select(i => $$"""{"class":"edit-code","id":"{{i}}","prompt":"p{{i}}"}"""),
                $$"""{"class":"long","id":"l","prompt":"{{new string('x', 5000)}}"}""",
            ]);
            Assert.Equal(["chat", "edit-code"], AgainstPlan.WritePrompts(source, target));
            var lines = File.ReadAllLines(target).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
            Assert.Equal(["warm-up", "chat-0", "edit-code-0", "edit-code-1"], lines.Select(line => line.GetProperty("id").GetString()));
            Assert.Equal("é", lines[1].GetProperty("messages")[0].GetProperty("content").GetString());
            Assert.Equal("p1", lines[3].GetProperty("prompt").GetString());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static PeerResults Results()
    {
        var results = new PeerResults([]) { Machine = "AMD EPYC (epyc-zen5-2core)", Threads = 2 };
        foreach (var shared in (string[])["", ConcurrencyPlan.Shared])
        {
            foreach (var requests in (int[])[1, 8])
            {
                var test = $"concurrency-{requests}/128+128{shared}";
                Add(test, Engines.Coppice, "weights as-stored", 400 * requests, (Details.ShareOfLimit, 0.93), (Details.FirstP50, 7),
                    (Details.FirstP99, 9), (Details.BetweenP50, 5), (Details.BetweenP99, 6));
                Add(test, Engines.Llama, "F16, flash attention on", 200 * requests, (Details.Prompts, 80), (Details.Pass, 4));
                Add(test, Engines.Llama, "F16, flash attention off", 100 * requests);
                Add(test, Engines.Llama, "BF16, flash attention on", 150 * requests);
            }
        }
        return results;

        void Add(string test, string engine, string setting, double speed, params (string Key, double Value)[] details) =>
            results.Series("m", "16", test, engine, setting)
                .Add(new Measurement(test, speed) { Details = details.Length == 0 ? null : details.ToDictionary() });
    }
}
