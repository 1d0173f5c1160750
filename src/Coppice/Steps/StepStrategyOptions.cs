namespace Coppice;

/// <summary>A strategy that makes its text step by step, with whatever it needs besides the model's own rows.</summary>
/// <remarks>Text is made one token at a time, without drafts; other sequences do not wait for what a strategy waits for.</remarks>
public abstract record StepStrategyOptions : StrategyOptions
{
    private protected StepStrategyOptions() { }

    /// <summary>What reads the rows: the model, or several as one.</summary>
    /// <param name="model">The model's own text, which holds the prompt.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="sources">Other texts; what they give belongs to the result.</param>
    internal virtual IStepModel Compose(IStepModel model, IReadOnlyList<int> prompt, StepSources sources) => model;

    /// <summary>Processors that the strategy itself puts before those of the host.</summary>
    internal virtual IEnumerable<ITokenProcessor> Processors(StepSources sources) => [];

    /// <summary>What makes the text.</summary>
    internal virtual IDecodingStrategy Create(StepSources sources) => PlainStrategy.Instance;
}
