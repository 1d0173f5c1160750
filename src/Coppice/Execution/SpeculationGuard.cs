namespace Coppice.Execution;

/// <summary>
/// Pauses drafting while it is slower than plain decoding.
/// </summary>
/// <remarks>
/// Drafts rest when they have lost the time of a few passes, and are tried again later. The balance is what the tokens would have taken one
/// by one, less what the passes with drafts took. It is bounded above, so that a gain of long ago does not hide a loss. A rest is twice as
/// long each time, so the loss is bounded for a text of any length. Decisions are made before drafting and only about whether to draft, so
/// they change no text.
/// </remarks>
/// <param name="sequences">In the passes that it judges.</param>
internal sealed class SpeculationGuard(int sequences = 1)
{
    private const int FirstRest = 64, MostRest = 1024;  // tokens, of one sequence
    private readonly double _mostLoss = 4 * sequences, _mostGain = 8 * sequences;       // four plain passes, eight
    private double _balance;
    private int _rest = FirstRest, _until;

    /// <summary>Whether to draft after a number of generated tokens.</summary>
    public bool Allows(int generated) => generated >= _until;

    /// <summary>A pass with a draft is done.</summary>
    /// <param name="generated">Tokens so far.</param>
    /// <param name="tokens">Tokens that it gave.</param>
    /// <param name="seconds">What it took, drafting and choosing included.</param>
    /// <param name="plain">What a pass without a draft takes.</param>
    public void Observe(int generated, int tokens, double seconds, double plain)
    {
        if (plain <= 0) return;
        _balance = Math.Min(_balance + tokens - seconds / plain, _mostGain);
        if (_balance >= _mostGain) _rest = FirstRest;       // the text has changed
        if (_balance >= -_mostLoss) return;
        (_until, _balance) = (generated + _rest, 0);
        _rest = Math.Min(2 * _rest, MostRest);
    }
}
