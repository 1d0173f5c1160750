using Coppice.Peers.Comparison;
using Xunit;

namespace Coppice.Tests.Peers;

/// <summary>What bench/peers reads of the engines' output, on lines as the programs write them.</summary>
public sealed class EngineOutputTests
{
    private const string Noise = "\u001b[0mllama_context: n_ctx = 1024\n\n";

    [Fact]
    public void Batched_bench_counts_the_passes_that_the_new_tokens_take()
    {
        // 2 (100 + 11) tokens; the prompts take 0.5 s, and 10 of the 11 passes 10 · 0.05 s.
        var found = Assert.Single(EngineOutput.BatchedBench(Noise + Row(2, 100, 11, 0.5, 0.55) + "\n", "/100+11"));
        Assert.Equal("concurrency-2/100+11", found.Test);
        Assert.Equal(222, found.Speed, 9);
        Assert.Equal(500, found.Details![Details.Prompts], 9);
        Assert.Equal(50, found.Details[Details.Pass], 9);
    }

    [Fact]
    public void Batched_bench_counts_a_shared_prompt_for_every_request()
    {
        var shared = Row(4, 100, 11, 0.125, 0.55).Replace("\"is_pp_shared\": 0", "\"is_pp_shared\": 1", StringComparison.Ordinal);
        Assert.Equal(4 * 111 / 0.625, Assert.Single(EngineOutput.BatchedBench(shared)).Speed, 9);
    }

    [Fact]
    public void Batched_bench_takes_the_second_of_several_rows()
    {
        var output = string.Concat(((double[])[9, 1, 5]).Select(time => Row(1, 10, 2, time, 2)).Append(Row(8, 10, 2, 3, 2)));
        var found = EngineOutput.BatchedBench(output).Select(row => (row.Test, row.Speed));
        Assert.Equal([("concurrency-1", 12 / 2.0), ("concurrency-8", 96 / 4.0)], found);
        Assert.Empty(EngineOutput.BatchedBench(Noise));
    }

    [Fact]
    public void Rows_of_coppice_bench_keep_their_latencies()
    {
        var found = EngineOutput.Bench("""
            {"machine":{"cpu":"x","threads":2,"read_GBps":1,"fma_GFLOPs":2},"rows":[
            {"name":"concurrency-4","tokens_per_s":250.5,"share_of_limit":0.9,"first_token_ms":{"p50":1,"p99":2},"between_tokens_ms":{"p50":3,"p99":4}},
            {"name":"decode-8@0","tokens_per_s":10,"GBps":1,"GFLOPs":2,"share_of_limit":0.5}]}
            """, "/x");
        Assert.Equal([("concurrency-4/x", 250.5), ("decode-8@0/x", 10)], found.Select(row => (row.Test, row.Speed)));
        string[] keys = [Details.ShareOfLimit, Details.FirstP50, Details.FirstP99, Details.BetweenP50, Details.BetweenP99];
        Assert.Equal([0.9, 1, 2, 3, 4], keys.Select(key => found[0].Details![key]));
        Assert.Null(found[1].Details);
    }

    [Fact]
    public void Llama_bench_is_read_by_what_it_measured()
    {
        var found = EngineOutput.LlamaBench("""
            [{"n_prompt":512,"n_gen":0,"n_depth":0,"avg_ts":700.5},{"n_prompt":0,"n_gen":128,"n_depth":0,"avg_ts":80},{"n_prompt":0,"n_gen":32,"n_depth":4096,"avg_ts":60}]
            """);
        Assert.Equal([("prefill-512", 700.5), ("decode-128@0", 80), ("decode-32@4096", 60)], found.Select(row => (row.Test, row.Speed)));
    }

    [Fact]
    public void Generations_are_tokens_after_the_first_by_class()
    {
        // edit-code: (3 + 4 tokens after the first) in 20 + 50 ms.
        var output = Line("warm-up", 99, 1) + Line("edit-code-0", 4, 20) + Line("chat-0", 11, 100) + Line("edit-code-12", 5, 50);
        var found = EngineOutput.Generations(output, "auto-").Select(row => (row.Test, row.Speed));
        Assert.Equal([("auto-chat", 100), ("auto-edit-code", 100)], found);

        static string Line(string id, int tokens, double milliseconds) =>
            FormattableString.Invariant($$$"""{"id":"{{{id}}}","prompt_tokens":3,"ids":[{{{string.Join(',', Enumerable.Range(0, tokens))}}}],"timing":{"decode_ms":{{{milliseconds}}}}}""") + "\n";
    }

    private static string Row(int requests, int prompt, int generated, double prompts, double passes) => FormattableString.Invariant(
        $$"""
        {"n_kv_max": 1024, "n_batch": 2048, "n_ubatch": 512, "flash_attn": 1, "is_pp_shared": 0, "n_gpu_layers": -1, "n_threads": 2, "n_threads_batch": 2, "pp": {{prompt}}, "tg": {{generated}}, "pl": {{requests}}, "n_kv": 24, "t_pp": {{prompts}}, "speed_pp": 21.05, "t_tg": {{passes}}, "speed_tg": 1.22, "t": 7.31, "speed": 3.28}

        """);
}
