using System.CommandLine;
using System.Globalization;
using Coppice.Cli.Measuring;
using Coppice.Drafting;

namespace Coppice.Cli;

/// <summary>The options of `bench` for several requests at once.</summary>
internal static class ConcurrencyArguments
{
    private const int MostRequests = 1024;

    private static readonly Option<int[]?> Requests = new("--concurrency")
    {
        Description = "Measure N requests at once instead of the suite; several numbers are several rows",
        HelpName = "N,N",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (ParseRequests(text) is { } numbers) return numbers;
            result.AddError($"--concurrency must be whole numbers from 1 to {MostRequests} such as 1,2,4, got {text}");
            return null;
        },
    };

    private static readonly Option<int?> PromptTokens = ModelArguments.Whole("--prompt-tokens", 1, 1 << 20,
        "Tokens of each request's prompt [default: 128]");
    private static readonly Option<int?> NewTokens = ModelArguments.Whole("--new-tokens", 2, 1 << 20,
        "Tokens that each request generates [default: 128]");
    private static readonly Option<int?> SharedPrefix = ModelArguments.Whole("--shared-prefix", 0, 1 << 20,
        "Tokens that all prompts begin with [default: 0]");

    private static readonly Option<string> Drafter = new("--drafter")
    {
        Description = $"What proposes tokens ahead for each request ({string.Join(", ", DrafterOptions.Names)})",
        HelpName = "NAME",
        DefaultValueFactory = _ => DrafterOptions.None.Name,
    };

    /// <summary>Adds the options to <paramref name="command"/>.</summary>
    public static Command WithConcurrency(this Command command)
    {
        foreach (var option in (Option[])[Requests, PromptTokens, NewTokens, SharedPrefix, Drafter]) command.Options.Add(option);
        return command;
    }

    /// <summary>What the user asks for, or null where it is not several requests at once.</summary>
    /// <exception cref="UsageException">The options contradict each other, or <paramref name="others"/>, which describe other rows, stand
    /// beside them.</exception>
    public static ConcurrencyPlan? Read(CommandContext context, params ReadOnlySpan<Option> others)
    {
        if (!context.Has(Requests))
        {
            foreach (var option in (Option[])[PromptTokens, NewTokens, SharedPrefix, Drafter])
                if (context.Has(option)) throw context.Usage($"{option.Name} is for --concurrency");
            return null;
        }
        foreach (var other in others)
            if (context.Has(other)) throw context.Usage($"--concurrency and {other.Name} exclude each other");
        return new ConcurrencyPlan(context.Value(Requests)!, Work(context),
            new GenerationOptions { IgnoreEos = true, Drafter = ReadDrafter(context) });
    }

    /// <summary>The whole numbers in "1,2,4", or null where the text is something else.</summary>
    public static int[]? ParseRequests(string text)
    {
        var parts = text.Split(',');
        var numbers = new int[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i])) return null;
            if (numbers[i] is < 1 or > MostRequests) return null;
        }
        return numbers.Distinct().Count() == numbers.Length ? numbers : null;
    }

    private static ConcurrencyWork Work(CommandContext context)
    {
        var work = new ConcurrencyWork(context.Value(PromptTokens) ?? 128, context.Value(NewTokens) ?? 128,
            context.Value(SharedPrefix) ?? 0);
        if (work.SharedPrefix > work.PromptTokens)
            throw context.Usage($"--shared-prefix must be at most the {work.PromptTokens} tokens of a prompt, got {work.SharedPrefix}");
        return work;
    }

    private static DrafterOptions ReadDrafter(CommandContext context)
    {
        try
        {
            return DrafterOptions.Parse(context.Value(Drafter)!);
        }
        catch (ArgumentException error)
        {
            throw context.Usage(Failure.Message(error));
        }
    }
}

/// <summary>Rows of several requests at once.</summary>
/// <param name="Requests">How many at once, a row for each number.</param>
/// <param name="Work">What each request is.</param>
/// <param name="Options">How each generates.</param>
internal sealed record ConcurrencyPlan(IReadOnlyList<int> Requests, ConcurrencyWork Work, GenerationOptions Options)
{
    /// <summary>Tokens of context that a request takes.</summary>
    public int Tokens => Work.PromptTokens + Work.NewTokens;

    /// <summary>The rows, in whose rounds <paramref name="passes"/> times the passes alone.</summary>
    public IReadOnlyList<IMeasuredRow> Rows(LanguageModel model, SharedPasses passes, Action<string> detail) =>
        [.. Requests.Select(requests => new ConcurrencyRow(model, passes, requests, Work, Options, detail))];
}
