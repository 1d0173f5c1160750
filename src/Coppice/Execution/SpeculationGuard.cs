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
internal sealed class SpeculationGuard
{
    private const double MostLoss = 4, MostGain = 8;    // in plain passes
    private const int FirstRest = 64;                   // tokens
    private double _balance;
    private int _rest = FirstRest, _until;

    /// <summary>Whether to draft after so many generated tokens.</summary>
    public bool Allows(int generated) => generated >= _until;

    /// <summary>A pass with a draft is done.</summary>
    /// <param name="generated">Tokens so far.</param>
    /// <param name="tokens">Tokens that it gave.</param>
    /// <param name="seconds">What it took, drafting and choosing included.</param>
    /// <param name="plain">What a pass without a draft takes.</param>
    public void Observe(int generated, int tokens, double seconds, double plain)
    {
        if (plain <= 0) return;
        _balance = Math.Min(_balance + tokens - seconds / plain, MostGain);
        if (_balance >= -MostLoss) return;
        (_until, _balance) = (generated + _rest, 0);
        _rest *= 2;
    }
}
