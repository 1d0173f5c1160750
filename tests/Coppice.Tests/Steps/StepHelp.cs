using Coppice.Decoding.Verification;
using Xunit;

namespace Coppice.Tests.Steps;

internal static class StepHelp
{
    /// <summary>A text over a model that holds the prompt.</summary>
    public static StepText Text(IStepModel model, GenerationOptions options, int promptLength = 1, params ITokenProcessor[] processors)
    {
        var rules = new StepRules(
            options with { Processors = [.. processors.Select(processor => (Func<ITokenProcessor>)(() => processor))] },
            new int[promptLength], new StopRule(options.MaxTokens, []), options.MaxTokens);
        return new StepText(model, rules);
    }

    public static async Task<int[]> TokensAsync(StepText text)
    {
        while (!text.IsFinished) await text.StepAsync(TestContext.Current.CancellationToken);
        return [.. text.Tokens];
    }

    public static double[] Probabilities(ReadOnlySpan<float> logits)
    {
        var weights = new double[logits.Length];
        for (var i = 0; i < weights.Length; i++) weights[i] = Math.Exp(logits[i]);
        return [.. weights.Select(weight => weight / weights.Sum())];
    }
}

/// <summary>Does nothing: text with it is made step by step.</summary>
internal sealed class Nothing : ITokenProcessor
{
    public ValueTask ProcessAsync(StepText text, Memory<float> logits, CancellationToken cancellationToken) => default;

    public ITokenProcessor Fork() => this;
}
