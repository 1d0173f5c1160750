namespace Coppice.Tests.Steps;

/// <summary>A step model without weights: its logits are a function of the tokens.</summary>
internal sealed class ScriptedModel(int vocabulary, Func<IReadOnlyList<int>, float[]> logits) : IStepModel
{
    private readonly List<int> _tokens = [];

    public int VocabularySize => vocabulary;
    public int Position => _tokens.Count;
    public IReadOnlyList<int> Tokens => _tokens;

    public static ScriptedModel Of(double[] p, params int[] prompt) => new ScriptedModel(p.Length, _ => Logits(p)).After(prompt);

    public static float[] Logits(double[] p) => [.. p.Select(x => (float)Math.Log(x))];

    public ScriptedModel After(params int[] prompt)
    {
        Advance(prompt);
        return this;
    }

    public void Advance(ReadOnlySpan<int> tokens) => _tokens.AddRange(tokens);

    public ValueTask<ReadOnlyMemory<float>> NextAsync(CancellationToken cancellationToken = default) => new(logits(_tokens));

    public void Rollback(int position) => _tokens.RemoveRange(position, _tokens.Count - position);

    public IStepModel Fork() => new ScriptedModel(vocabulary, logits).After([.. _tokens]);

    public void Dispose() { }
}
