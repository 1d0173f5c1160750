namespace Coppice;

/// <summary>What strategies may ask of the model besides its own rows.</summary>
/// <param name="model">The model.</param>
internal sealed class StepSources(LanguageModel model)
{
    /// <summary>A text of its own by the same model.</summary>
    /// <param name="prompt">What it begins with instead of the generation's prompt.</param>
    public IStepModel Beginning(string prompt)
    {
        if (model.Tokenizer is null)
            throw new ArgumentException("strategy: a text needs a tokenizer, but the model's folder has none.");
        return Open(model, model.Tokenizer.Encode(prompt));
    }

    /// <summary>The same text by the model in <paramref name="folder"/>, which must have the same tokens; loaded once.</summary>
    public IStepModel Other(string folder, IReadOnlyList<int> prompt) => Open(model.OpenBeside(folder), prompt);

    private static SessionSteps Open(LanguageModel source, IReadOnlyList<int> prompt)
    {
        var steps = new SessionSteps(source.NewSession(), source.VocabularySize);
        steps.Advance([.. prompt]);
        return steps;
    }
}
