using System.CommandLine;
using Coppice.Cli.Measuring;
using Coppice.Kernels;
using Coppice.Loading;

namespace Coppice.Cli.Commands;

/// <summary>`coppice profile`: where the time of a prompt and of a decoded token goes, op by op.</summary>
internal static class ProfileCommand
{
    private const int WarmUps = 3;

    private static readonly Option<int?> Tokens =
        ModelArguments.Whole("--prompt-tokens", 1, 1 << 20, "Tokens of the prompt, after which one token is decoded [default: 128]");

    private static readonly Option<int?> Rounds =
        ModelArguments.Whole("--rounds", 1, 1000, "Rounds; the median of each op counts [default: 5]");

    public static Command Create() =>
        new Command("profile", "Show where the time of a prompt and of a decoded token goes, op by op, and how near each op comes to "
            + "what the device can do") { Tokens, Rounds }.WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        var (tokens, rounds) = (context.Value(Tokens) ?? 128, context.Value(Rounds) ?? 5);
        if (ModelFolder.Read(ModelFolders.Require(context.Value(ModelArguments.Model)!)).Spec.IsEncoder)
            throw context.Usage("an encoder decodes nothing: profile is for models that generate");
        using var loaded = ModelArguments.Load(context);
        var model = loaded.Model;
        if (tokens + 2 > model.ContextLength)
            throw new CommandException(
                $"profile: {tokens} tokens and one more need a context of {tokens + 2}, "
                + $"but it holds {model.ContextLength} (raise --context).");
        ProfileResult? result = null;
        context.Interrupts.Run(cancellation => result = Measure(context.Output, model, tokens, rounds, cancellation));
        if (result is null) return ExitStatus.Interrupted;
        Report(context.Output, result);
        return ExitStatus.Done;
    }

    /// <summary>
    /// Warm-up rounds, then those that count, each of a prompt and a decoded token, with the machine's own speed beside them.
    /// </summary>
    private static ProfileResult Measure(CommandOutput output, LanguageModel model, int tokens, int rounds, CancellationToken cancellation)
    {
        var prompt = SpeedRow.Prompt(tokens + 1, model.VocabularySize);
        var (prefill, decode) = (new OpTimes($"prefill-{tokens}"), new OpTimes($"decode-{tokens}"));
        using var limits = DeviceFactory.CpuThreads(model.Backend) is { } threads ? new MachineLimits(model.Backend, threads) : null;
        var (reads, multiplications) = (new List<double>(), new List<double>());
        using var session = model.NewSession(new SessionOptions { SharePrefixes = false });
        using var bar = new ProgressBar("profile", output);
        var profile = new OpProfile();
        model.Backend.Profile = profile;
        try
        {
            for (var round = -WarmUps; round < rounds; round++)
            {
                cancellation.ThrowIfCancellationRequested();
                session.Reset();
                var first = Pass(session, profile, prompt.AsMemory(0, tokens), cancellation);
                var next = Pass(session, profile, prompt, cancellation);
                bar.Report(round + WarmUps + 1, rounds + WarmUps);
                if (round < 0) continue;
                prefill.Add(first);
                decode.Add(next);
                if (limits is null) continue;
                reads.Add(limits.ReadGigabytesPerSecond());
                multiplications.Add(limits.FmaGigaflops());
            }
        }
        finally
        {
            model.Backend.Profile = null;
        }
        var gigabytes = limits is null ? model.Backend.PeakGigabytesPerSecond : SpeedRow.Median(reads);
        double? gigaflops = limits is null ? null : SpeedRow.Median(multiplications);
        return new ProfileResult(model.DeviceName, [.. prefill.Rows(gigabytes, gigaflops), .. decode.Rows(gigabytes, gigaflops)],
            decode.Launches);
    }

    /// <summary>Ops of the tokens of <paramref name="prompt"/> that the session does not hold, up to the next token.</summary>
    private static IReadOnlyList<OpTotal> Pass(
        Session session, OpProfile profile, ReadOnlyMemory<int> prompt, CancellationToken cancellation)
    {
        profile.Take();
        var options = new GenerationOptions { MaxTokens = 1, IgnoreEos = true };
        foreach (var _ in session.Generate(prompt.ToArray(), options, cancellation)) { }
        return profile.Take();
    }

    private static void Report(CommandOutput output, ProfileResult result)
    {
        if (output.Json)
        {
            output.WriteJson(result, CliJson.Default.ProfileResult);
            return;
        }
        var launches = result.LaunchesPerToken is { } count ? $"{count} launches a token" : "not all of these ops run on a GPU";
        output.WriteLine($"{result.Device}; on a GPU: {launches}");
        output.Flush();
        if (output.ShowsTables) Tables.Profile(result.Rows);
        else foreach (var row in result.Rows) output.WriteLine(string.Join('\t', ProfileColumns.Of(row)));
        foreach (var pass in result.Rows.GroupBy(row => row.Name[..row.Name.IndexOf(' ', StringComparison.Ordinal)]))
            output.WriteLine($"{pass.Key}: {Quantity.Number(pass.Sum(row => row.Ms))} ms in ops");
    }
}
