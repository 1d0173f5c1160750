using Coppice.Decoding.Sampling;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Kernels.Numerics;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>The public API: what a host may rely on, and one clear error for each thing it may do wrong.</summary>
public sealed class SessionTests : IDisposable
{
    private readonly TinyModel _folder = new();
    private readonly LanguageModel _model;

    public SessionTests() => _model = _folder.Load();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Mistakes_of_the_caller_are_argument_errors_that_say_what_is_wrong()
    {
        using var session = _model.NewSession();
        Assert.Contains("at least one token", Assert.Throws<ArgumentException>(() => session.Ids([])).Message, StringComparison.Ordinal);
        Assert.Contains("leave no room", Assert.Throws<ArgumentException>(() => session.Ids(TinyModel.Prompt(128))).Message,
            StringComparison.Ordinal);
        Assert.Contains("got 96 at 1", Assert.Throws<ArgumentException>(() => session.Ids([5, 96])).Message, StringComparison.Ordinal);
        Assert.Contains("got -1 at 0", Assert.Throws<ArgumentException>(() => session.Ids([-1])).Message, StringComparison.Ordinal);
        Assert.Contains("tokenizer", Assert.Throws<InvalidOperationException>(() => session.Generate("text",
            cancellationToken: Cancellation)).Message, StringComparison.Ordinal);
        Assert.Contains("tokenizer", Assert.Throws<ArgumentException>(() => session.Ids([5], new() { StopSequences = ["x"] })).Message,
            StringComparison.Ordinal);
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Ids([5]));
        Assert.Throws<ObjectDisposedException>(session.Reset);
    }

    [Fact]
    public void Older_tokenizer_files_serve_a_model_as_well()
    {
        File.WriteAllText(Path.Combine(_folder.Folder, "vocab.json"), """{"a": 2, "b": 3, "ab": 4}""");
        File.WriteAllText(Path.Combine(_folder.Folder, "merges.txt"), "a b\n");
        using var model = _folder.Load();
        using var session = model.NewSession();
        var fromText = session.Generate("abba", new() { MaxTokens = 4 }, Cancellation).Select(piece => piece.TokenId).ToArray();
        session.Reset();
        Assert.Equal(session.Greedy([4, 3, 2], 4), fromText);
        Assert.True(ModelInfo.Read(_folder.Folder).HasTokenizer);
    }

    public static TheoryData<GenerationOptions, string> BadOptions => new()
    {
        { new() { MaxTokens = 0 }, "MaxTokens" },
        { new() { Temperature = -1 }, "Temperature" },
        { new() { Temperature = float.NaN }, "Temperature" },
        { new() { Temperature = float.PositiveInfinity }, "Temperature" },
        { new() { TopK = -1 }, "TopK" },
        { new() { TopP = 1.5f }, "TopP" },
        { new() { TopP = float.NaN }, "TopP" },
        { new() { MinP = -0.1f }, "MinP" },
        { new() { RepetitionPenalty = 0 }, "RepetitionPenalty" },
        { new() { RepetitionWindow = -1 }, "RepetitionWindow" },
        { new() { LogProbs = 21 }, "LogProbs" },
        { new() { StopSequences = [""] }, "StopSequences" },
    };

    [Theory, MemberData(nameof(BadOptions), DisableDiscoveryEnumeration = true)]
    public void Options_out_of_range_are_refused_by_name(GenerationOptions options, string name)
    {
        using var session = _model.NewSession();
        var error = Assert.ThrowsAny<ArgumentException>(() => session.Ids([5], options));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Model_options_out_of_range_and_unknown_devices_are_refused()
    {
        Assert.ThrowsAny<ArgumentException>(() => _folder.Load(new() { Device = "gpu" }));
        Assert.ThrowsAny<ArgumentException>(() => _folder.Load(new() { Device = "cuda:x" }));
        Assert.ThrowsAny<ArgumentException>(() => _folder.Load(new() { ContextLength = 1 }));
        Assert.ThrowsAny<ArgumentException>(() => _folder.Load(new() { Threads = -1 }));
        Assert.ThrowsAny<ArgumentException>(() => _folder.Load(new() { PrefillChunk = 0 }));
        Assert.ThrowsAny<ArgumentException>(() => _folder.Load(new() { KvCache = new() { Type = ElementType.I32 } }));
        Assert.ThrowsAny<ArgumentException>(() => _folder.Load(new() { KvCache = new() { SharedTokens = -2 } }));
        Assert.Throws<CheckpointException>(() => LanguageModel.Load(Path.Combine(_folder.Folder, "missing"), new() { Device = "cpu" }));
        using var learned = new TinyModel(TinyFamilies.Configs["gpt2"]);
        Assert.Contains("256", Assert.Throws<ArgumentException>(() => learned.Load(new() { Device = "cpu", ContextLength = 257 })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_the_memory_is_refused_when_it_is_asked_for()
    {
        Assert.Throws<DeviceMemoryException>(() => _folder.Load(new()
        {
            Device = "cpu",
            ContextLength = 128,
            KvCache = new() { SharedTokens = 1 << 30 }
        }));
        using var model = _folder.Load();
        using var session = model.NewSession();
        Assert.Equal(4, session.Greedy(TinyModel.Prompt(5), 4).Length);
    }

    [Fact]
    public void Idle_sessions_give_their_pages_up_when_others_need_them_and_go_on_with_the_same_tokens()
    {
        using var model = _folder.Load(new() { Device = "cpu", ContextLength = 128, KvCache = new() { SharedTokens = 192 } });
        using var first = model.NewSession();
        var expected = first.Greedy(TinyModel.Prompt(60), 40);
        int[] tokens = [.. first.Tokens];
        using var second = model.NewSession();
        second.Greedy(TinyModel.Prompt(30, 2), 10);
        using var third = model.NewSession();
        third.Greedy(TinyModel.Prompt(90, 3), 10);
        Assert.Equal(tokens, first.Tokens);
        Assert.Equal(expected[..5], first.Greedy(TinyModel.Prompt(60), 5));
        Assert.Equal(0, model.Scheduler.Preemptions);
        using var small = _folder.Load(new() { Device = "cpu", ContextLength = 128, KvCache = new() { SharedTokens = 64 } });
        using var fourth = small.NewSession();
        Assert.Contains("pages", Assert.Throws<DeviceMemoryException>(() => fourth.Greedy(TinyModel.Prompt(90, 3), 10)).Message,
            StringComparison.Ordinal);
        using var dense = _model.NewSession();
        Assert.Equal(expected, dense.Greedy(TinyModel.Prompt(60), 40));
    }

    [Fact]
    public void Finish_reasons_say_why()
    {
        using var session = _model.NewSession();
        session.Greedy(TinyModel.Prompt(5), 7);
        Assert.Equal((FinishReason.Length, 7, 5), (session.LastResult!.FinishReason, session.LastResult.Ids.Count,
            session.LastResult.PromptTokens));
        var full = session.Ids(TinyModel.Prompt(120), new() { MaxTokens = 100, IgnoreEos = true });
        Assert.Equal((FinishReason.Length, 8), (session.LastResult.FinishReason, full.Length));
        var third = full[..3];
        File.WriteAllText(Path.Combine(_folder.Folder, "generation_config.json"), $"{{\"eos_token_id\": [{full[2]}]}}");
        using var ending = _folder.Load();
        using var other = ending.NewSession();
        Assert.Equal(third, other.Greedy(TinyModel.Prompt(120), 100));
        Assert.Equal(FinishReason.Eos, other.LastResult!.FinishReason);
        Assert.Equal(full, other.Ids(TinyModel.Prompt(120), new() { MaxTokens = 100, IgnoreEos = true }));
    }

    [Fact]
    public void Cancellation_ends_a_generation_within_a_step_and_the_session_goes_on()
    {
        using var session = _model.NewSession();
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var pieces = 0;
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (var _ in session.Generate(TinyModel.Prompt(5), new() { MaxTokens = 100, IgnoreEos = true }, source.Token))
            {
                if (++pieces == 3) source.Cancel();
            }
        });
        Assert.Equal(3, pieces);
        Assert.Equal((FinishReason.Cancelled, 3), (session.LastResult!.FinishReason, session.LastResult.Ids.Count));
        Assert.Equal(8, session.Tokens.Count);
        using var fresh = _model.NewSession();
        Assert.Equal(fresh.Greedy(TinyModel.Prompt(5), 20), session.Greedy(TinyModel.Prompt(5), 20));
    }

    [Fact]
    public void A_long_prompt_is_cancelled_between_chunks()
    {
        using var model = _folder.Load(new() { Device = "cpu", ContextLength = 1000, PrefillChunk = 64 });
        using var session = model.NewSession();
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => session.Generate(TinyModel.Prompt(900), null, source.Token).ToList());
        Assert.Equal(FinishReason.Cancelled, session.LastResult!.FinishReason);
        Assert.Single(session.Ids(TinyModel.Prompt(900), new() { MaxTokens = 1 }));
    }

    [Fact]
    public void A_session_generates_once_at_a_time()
    {
        using var session = _model.NewSession();
        using var first = session.Generate(TinyModel.Prompt(5), cancellationToken: Cancellation).GetEnumerator();
        Assert.True(first.MoveNext());
        Assert.Throws<InvalidOperationException>(() => session.Greedy(TinyModel.Prompt(5), 1));
        Assert.Throws<InvalidOperationException>(session.Reset);
        first.Dispose();
        Assert.Equal(FinishReason.Cancelled, session.LastResult!.FinishReason);
        session.Reset();
        Assert.Empty(session.Tokens);
    }

    [Fact]
    public void A_common_beginning_is_not_computed_again_and_changes_nothing()
    {
        using var session = _model.NewSession();
        var prompt = TinyModel.Prompt(40);
        var first = session.Greedy(prompt, 10);
        int[] next = [.. prompt, .. first[..4], 9, 8, 7];
        var continued = session.Greedy(next, 12);
        Assert.Equal(44, session.LastResult!.ReusedTokens);
        using var fresh = _model.NewSession();
        Assert.Equal(fresh.Greedy(next, 12), continued);
        Assert.Equal(0, fresh.LastResult!.ReusedTokens);
        Assert.Equal(first, session.Greedy(prompt, 10));
        Assert.Equal(39, session.LastResult.ReusedTokens);
    }

    [Fact]
    public async Task Sessions_run_at_the_same_time_and_give_what_they_give_alone()
    {
        var options = new GenerationOptions { MaxTokens = 40, Temperature = 0.8f, Seed = 5, IgnoreEos = true };
        var expected = Enumerable.Range(0, 4).Select(i =>
        {
            using var session = _model.NewSession();
            return session.Ids(TinyModel.Prompt(20 + i, i), options);
        }).ToArray();
        var tasks = Enumerable.Range(0, 4).Select(async i =>
        {
            using var session = _model.NewSession();
            var ids = new List<int>();
            await foreach (var piece in session.GenerateAsync(TinyModel.Prompt(20 + i, i), options, Cancellation)) ids.Add(piece.TokenId);
            return ids.ToArray();
        });
        Assert.Equal(expected, await Task.WhenAll(tasks));
    }

    [Fact]
    public async Task Leaving_the_loop_early_ends_the_generation()
    {
        using var session = _model.NewSession();
        await foreach (var _ in session.GenerateAsync(TinyModel.Prompt(5), new() { MaxTokens = 100, IgnoreEos = true }, Cancellation))
            break;
        Assert.Equal((FinishReason.Cancelled, 1), (session.LastResult!.FinishReason, session.LastResult.Ids.Count));
    }

    [Fact]
    public void The_same_seed_repeats_and_another_differs()
    {
        using var session = _model.NewSession();
        GenerationOptions With(ulong seed) => new() { MaxTokens = 40, Temperature = 1, Seed = seed, IgnoreEos = true };
        var first = session.Ids(TinyModel.Prompt(5), With(1));
        Assert.NotEqual(first, session.Ids(TinyModel.Prompt(5), With(2)));
        Assert.Equal(first, session.Ids(TinyModel.Prompt(5), With(1)));
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_logits()
    {
        using var session = _model.NewSession();
        var prompt = TinyModel.Prompt(12);
        var pieces = session.Pieces(prompt, new() { MaxTokens = 6, Temperature = 2, Seed = 3, LogProbs = 4, IgnoreEos = true });
        int[] all = [.. prompt, .. pieces.Select(p => p.TokenId)];
        using var scorer = new Scorer(_model, all.Length);
        var likelihoods = scorer.NegativeLogLikelihoods(all, cancellationToken: Cancellation);
        for (var i = 0; i < pieces.Count; i++)
        {
            Assert.Equal(-likelihoods[prompt.Length - 1 + i], pieces[i].LogProbs!.Chosen, 1e-6);
            Assert.Equal(4, pieces[i].LogProbs!.Best.Count);
            Assert.True(pieces[i].LogProbs!.Best[0].LogProbability >= pieces[i].LogProbs!.Chosen);
        }
    }

    [Theory, InlineData(WeightFormat.F16), InlineData(WeightFormat.BF16)]
    public void Narrower_weights_compute_as_rounded_ones_do(WeightFormat format)
    {
        float[] narrow, exact = Logits.Of(_model, TinyModel.Prompt(20));
        using (var model = _folder.Load(new() { Device = "cpu", ContextLength = 64, WeightFormat = format }))
        {
            Assert.True(model.WeightBytes < 0.6 * _model.WeightBytes);
            narrow = Logits.Of(model, TinyModel.Prompt(20));
        }
        _folder.Write(round: w => format == WeightFormat.F16 ? (float)(Half)w : BFloat16.ToSingle(BFloat16.FromSingle(w)));
        using var rounded = _folder.Load();
        Assert.Equal(Logits.Of(rounded, TinyModel.Prompt(20)), narrow);
        Assert.NotEqual(exact, narrow);
    }

    [Theory, InlineData(WeightFormat.Q8), InlineData(WeightFormat.Q4)]
    public void Quantised_weights_compute_as_what_their_codes_stand_for(WeightFormat format)
    {
        var exact = Logits.Of(_model, TinyModel.Prompt(20));
        ModelOptions options = new() { Device = "cpu", ContextLength = 64, WeightFormat = format };
        float[] quantised, rounded, integers;
        using (var model = _folder.Load(options))
        using (var kept = _folder.Load(options with { QuantizeVocabulary = false }))
        using (var int8 = _folder.Load(options with { Activations = ActivationFormat.Int8 }))
        {
            Assert.True(model.WeightBytes < kept.WeightBytes && kept.WeightBytes < _model.WeightBytes);
            (quantised, integers) = (Logits.Of(model, TinyModel.Prompt(20)), Logits.Of(int8, TinyModel.Prompt(20)));
            Assert.NotEqual(quantised, Logits.Of(kept, TinyModel.Prompt(20)));
        }
        _folder.Write(roundRow: row => Dequantize(row, format));
        using (var model = _folder.Load()) rounded = Logits.Of(model, TinyModel.Prompt(20));
        Assert.Equal(rounded, quantised);
        Assert.NotEqual(exact, quantised);
        // Activations are off by a step of max / 127, evenly: 0.3 % of their size for each of the eight products on the way.
        Assert.InRange(Distance(rounded, integers), 1e-4, 0.1);
    }

    [Fact]
    public void Activations_in_BF16_are_rounded_and_need_weights_in_BF16()
    {
        ModelOptions options = new() { Device = "cpu", ContextLength = 64, WeightFormat = WeightFormat.BF16 };
        float[] exact, rounded;
        using (var model = _folder.Load(options)) exact = Logits.Of(model, TinyModel.Prompt(20));
        using (var model = _folder.Load(options with { Activations = ActivationFormat.BF16 }))
            rounded = Logits.Of(model, TinyModel.Prompt(20));
        Assert.InRange(Distance(exact, rounded), 1e-4, 0.05);     // eight bits of a number, half of the last one wrong at most
        foreach (var format in (WeightFormat[])[WeightFormat.F32, WeightFormat.F16, WeightFormat.Q8, WeightFormat.Q4])
            Refused(options with { WeightFormat = format });
        Refused(options with { WeightFormat = WeightFormat.AsStored });     // F32

        void Refused(ModelOptions refused)
        {
            var error = Assert.Throws<ArgumentException>(() => _folder.Load(refused with { Activations = ActivationFormat.BF16 }));
            Assert.Contains("Activations BF16 need weights in BF16", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory, InlineData(WeightFormat.Q8), InlineData(WeightFormat.Q4)]
    public void Device_kernels_compute_with_quantised_weights_what_their_codes_stand_for(WeightFormat format)
    {
        ModelOptions options = new() { Device = "ilgpu-cpu", ContextLength = 64, WeightFormat = format };
        float[] quantised, integers;
        using (var model = _folder.Load(options)) quantised = Logits.Of(model, TinyModel.Prompt(3));
        using (var model = _folder.Load(options with { Activations = ActivationFormat.Int8 }))
            integers = Logits.Of(model, TinyModel.Prompt(3));
        _folder.Write(roundRow: row => Dequantize(row, format));
        using var rounded = _folder.Load();
        var expected = Logits.Of(rounded, TinyModel.Prompt(3));
        Assert.InRange(Distance(expected, quantised), 0, 1e-5);      // sums in another order
        Assert.InRange(Distance(expected, integers), 1e-4, 0.1);
    }

    private static double Distance(float[] expected, float[] actual) =>
        Math.Sqrt(expected.Zip(actual, (a, b) => ((double)a - b) * (a - b)).Sum() / expected.Sum(a => (double)a * a));

    private static void Dequantize(Span<float> row, WeightFormat format)
    {
        Span<byte> codes = stackalloc byte[32];
        for (var k = 0; k < row.Length; k += 32)
        {
            var group = row[k..Math.Min(k + 32, row.Length)];
            if (format == WeightFormat.Q8)
            {
                var signed = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, sbyte>(codes);
                var scale = QuantizedGroup.EncodeQ8(group, signed);
                for (var i = 0; i < group.Length; i++) group[i] = signed[i] * scale;
                continue;
            }
            var (step, minimum) = QuantizedGroup.EncodeQ4(group, codes);
            for (var i = 0; i < group.Length; i++) group[i] = MathF.FusedMultiplyAdd(codes[i], step, minimum);
        }
    }

    [Fact]
    public void Progress_reaches_the_total_and_info_needs_no_weights()
    {
        var reports = new List<LoadProgress>();
        using (LanguageModel.Load(_folder.Folder, new() { Device = "cpu", Threads = 1, ContextLength = 16 }, new Collector(reports))) { }
        Assert.Equal(reports[^1].Total, reports[^1].Bytes);
        var info = ModelInfo.Read(_folder.Folder);
        Assert.Equal(("llama", 2, 4, 2, 12), (info.Family, info.LayerCount, info.QueryHeads, info.KvHeads, info.HeadDim));
        Assert.Equal(2 * 96 * 48 + 2 * (48 * 96 + 48 * 48 + 3 * 48 * 80) + 5 * 48, info.ParameterCount);
        Assert.Equal(4 * info.ParameterCount, info.StoredBytes["F32"]);
        foreach (var (format, bytes) in info.WeightBytes)
        {
            using var loaded = _folder.Load(new() { Device = "cpu", WeightFormat = format, ContextLength = 16 });
            // Room for each of 15 buffers to begin at a multiple of 256 bytes.
            Assert.InRange(bytes, loaded.WeightBytes, loaded.WeightBytes + 15 * 255);
        }
        Assert.Equal(2 * 2 * 2 * 12 * 2, info.KvBytesPerToken[ElementType.BF16]);
        Assert.Equal(info.ContextLength * info.KvBytesPerToken[ElementType.BF16], info.KvBytesPerContext[ElementType.BF16]);
    }

    private sealed class Collector(List<LoadProgress> reports) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value)
        {
            lock (reports) reports.Add(value);
        }
    }
}
