
namespace Coppice.Drafting;

/// <summary>What is known of a candidate before it is verified.</summary>
/// <param name="Match">Tokens that an n-gram match which proposes it has, 0 where none does.</param>
/// <param name="Past">Whether that match lies in another text than the current one.</param>
/// <param name="First">Whether the longest match proposes it, or a shorter one.</param>
/// <param name="Order">Tokens of the context whose recycled row holds it, 0 where none does.</param>
/// <param name="Probability">255 times its probability in that row.</param>
/// <param name="Head">
/// What draft heads say of it: 0 where none were asked, 1 where it is not among their best, else 2 and more the likelier it is.
/// </param>
internal readonly record struct Evidence(int Match, bool Past, bool First, int Order, byte Probability, byte Head = 0);

/// <summary>
/// The probability that a candidate is accepted once its parent is, by the evidence for it; learned from what was verified.
/// </summary>
/// <remarks>
/// Evidence falls into classes. Each starts from a prior that weighs as much as some dozens of verifications: rates measured over greedy
/// continuations of a small model on chat, summaries, answers, code and free text, smoothed by hand. Counts are halved now and then, so
/// that it follows the text.
/// </remarks>
internal sealed class AcceptanceModel
{
    private const int Lengths = 8, Matches = 2 * Lengths - 1, Steps = 10, Rows = 1 + 2 * Steps;
    private const int Heads = 2 + HeadSteps, HeadSteps = 8;
    private const float PriorWeight = 40, MostWeight = 400;

    /// <summary>Of a prior, where heads were asked and do not name the candidate.</summary>
    private const float Unnamed = 0.6f;

    /// <summary>What a second piece of evidence adds of what is left, in terms of its own probability.</summary>
    private const float Second = 0.3f;

    /// <summary>Upper ends of the classes of probabilities, in 255ths.</summary>
    private static ReadOnlySpan<byte> Ends => [5, 13, 26, 51, 90, 128, 179, 217, 243, 255];

    /// <summary>
    /// By class of length, for a candidate of the longest match: rate without a row; with a row that gives it p, a + b · p.
    /// </summary>
    private static readonly (float Alone, float A, float B)[] Longest =
    [
        (0, 0, 0), (0.24f, 0.07f, 0.24f), (0.65f, 0.25f, 0.4f), (0.76f, 0.25f, 0.6f), (0.82f, 0.4f, 0.55f), (0.93f, 0.8f, 0.2f),
        (0.97f, 0.92f, 0.07f), (0.985f, 0.97f, 0.02f),
    ];

    /// <summary>By class of length: what a match in another text is worth of one in the current text.</summary>
    private static ReadOnlySpan<float> PastWorth => [0, 0.6f, 0.6f, 0.6f, 0.65f, 0.8f, 0.95f, 1];

    private readonly float[] _rates = new float[Matches * 2 * Rows * Heads], _weights = new float[Matches * 2 * Rows * Heads];

    public AcceptanceModel() => Clear();

    /// <summary>Returns to the priors.</summary>
    public void Clear()
    {
        _weights.AsSpan().Fill(PriorWeight);
        for (var match = 0; match < Matches; match++)
        {
            for (var row = 0; row < Rows; row++)
            {
                var (order, p) = row == 0 ? (0, 0) : ((row - 1) / Steps + 1, Middle((row - 1) % Steps));
                var length = match < Lengths ? match : match - Lengths + 1;
                var worth = match < Lengths ? 1 : PastWorth[length];
                var (alone, a, b) = Longest[length];
                Set(Index(match, true, row), match == 0 ? Recycled(order, p) : row == 0 ? worth * alone : worth * a + b * p);
                Set(Index(match, false, row), match == 0 ? Recycled(order, p) : 0.06f + 0.25f * p);
            }
        }
    }

    /// <summary>The probability for this evidence.</summary>
    public float Probability(in Evidence evidence) => _rates[Class(evidence)];

    /// <summary>A candidate with this evidence, whose parent was accepted, was accepted or not.</summary>
    public void Learn(in Evidence evidence, bool accepted)
    {
        var at = Class(evidence);
        if (_weights[at] > MostWeight) _weights[at] /= 2;
        _weights[at]++;
        _rates[at] += ((accepted ? 1 : 0) - _rates[at]) / _weights[at];
    }

    /// <summary>What heads that give a candidate <paramref name="probability"/> make of <see cref="Evidence.Head"/>.</summary>
    public static byte Named(float probability) => (byte)(2 + Math.Clamp((int)(probability * HeadSteps), 0, HeadSteps - 1));

    /// <summary>The priors of a class by what heads say: those without, and with the better of two pieces of evidence first.</summary>
    private void Set(int index, float rate)
    {
        (_rates[index], _rates[index + 1]) = (rate, Unnamed * rate);
        for (var step = 0; step < HeadSteps; step++)
        {
            var p = (step + 0.5f) / HeadSteps;
            var head = p * p * (3 - 2 * p);     // a greedy choice makes much of a small lead
            var (more, less) = (Math.Max(head, rate), Math.Min(head, rate));
            _rates[index + 2 + step] = more + Second * (1 - more) * less;
        }
    }

    private static float Recycled(int order, float p) => order == 0 ? 0.01f : order == 1 ? 0.02f + 0.2f * p : 0.01f + 0.2f * p;

    private static float Middle(int step) => ((step == 0 ? 0 : Ends[step - 1]) + Ends[step]) / 510f;

    private static int Class(in Evidence evidence)
    {
        var match = evidence.Match switch { 0 => 0, 1 => 1, 2 => 2, <= 4 => 3, <= 8 => 4, <= 16 => 5, <= 32 => 6, _ => 7 };
        if (evidence.Past && match > 0) match += Lengths - 1;
        if (evidence.Order == 0) return Index(match, evidence.First, 0) + evidence.Head;
        var step = 0;
        while (evidence.Probability > Ends[step]) step++;
        return Index(match, evidence.First, 1 + (evidence.Order - 1) * Steps + step) + evidence.Head;
    }

    private static int Index(int match, bool first, int row) => ((match * 2 + (first ? 0 : 1)) * Rows + row) * Heads;
}
