namespace Coppice;

/// <summary>A program that was generated, beside the true one.</summary>
/// <param name="Predicted">What the model wrote.</param>
/// <param name="Code">The true program.</param>
/// <param name="Tree">Its tree.</param>
public sealed record CalibrationPair(PredictedProgram Predicted, string Code, CodeNode Tree);

/// <summary>
/// Partial programs that hold the true one: with probability 1 - δ over the pairs it is calibrated by, a new one's set lacks the truth with
/// a probability of at most ε.
/// </summary>
/// <remarks>
/// New programs must be drawn as those of the calibration were, with the same model and settings. Source: Khakhar, Mell, Bastani: PAC
/// Prediction Sets for Large Language Models of Code.
/// </remarks>
public sealed class PacCodePredictor
{
    private const int Grid = 100;

    private readonly int _level;        // budgets of the grid, the smallest first; -1 for none, and then all is a hole

    private PacCodePredictor(int level, int holes) => (_level, MostHoles) = (level, holes);

    /// <summary>Holes at most.</summary>
    public int MostHoles { get; }
    /// <summary>Cost of what is kept at most, in nats; 0 keeps only what was certain.</summary>
    public double Budget => _level < 0 ? 0 : BudgetOf(_level);

    /// <summary>Finds the largest budget that the pairs allow.</summary>
    /// <param name="pairs">Held out from the model's training.</param>
    /// <param name="epsilon">ε, above 0, below 1.</param>
    /// <param name="delta">δ, above 0, below 1.</param>
    /// <param name="holes">Holes at most, 1 to 16.</param>
    /// <exception cref="ArgumentException">There are too few pairs for ε and δ.</exception>
    public static PacCodePredictor Calibrate(IReadOnlyList<CalibrationPair> pairs, double epsilon, double delta, int holes = 1)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        ArgumentOutOfRangeException.ThrowIfLessThan(holes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(holes, 16);
        // Where there are too few pairs, their sets are not computed.
        RequireEnough(pairs.Count, epsilon, delta);
        return new PacCodePredictor(Level([.. pairs.Select(pair => FirstLost(pair, holes))], epsilon, delta), holes);
    }

    /// <summary>The partial program of a new one.</summary>
    public PartialProgram Predict(PredictedProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        if (_level < 0) return new PartialProgram(program, new bool[program.Count]);
        return new PartialProgram(program, Nested(program, MostHoles).Skip(Grid - 1 - _level).First());
    }

    /// <summary>The largest budget at which few enough pairs are lost; -1 for none.</summary>
    /// <param name="firstLost">Of each pair the smallest budget that loses it.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="delta">δ.</param>
    internal static int Level(IReadOnlyList<int> firstLost, double epsilon, double delta)
    {
        var most = RequireEnough(firstLost.Count, epsilon, delta);
        // Sets are nested, so a pair is lost from some budget on.
        var lost = new int[Grid + 1];
        foreach (var budget in firstLost) lost[budget]++;
        var (errors, level) = (0, -1);
        while (level + 1 < Grid && (errors += lost[level + 1]) <= most) level++;
        return level;
    }

    /// <summary>max { h : Σ_{i ≤ h} C(n, i) ε^i (1 - ε)^(n - i) ≤ δ }; -1 where there is none.</summary>
    internal static int MostErrors(int count, double epsilon, double delta)
    {
        Check(nameof(epsilon), epsilon);
        Check(nameof(delta), delta);
        var (sum, log) = (0.0, count * Math.Log(1 - epsilon));
        for (var h = 0; h <= count; h++)
        {
            sum += Math.Exp(log);
            if (sum > delta) return h - 1;
            log += Math.Log((count - h) / (h + 1.0)) + Math.Log(epsilon / (1 - epsilon));
        }
        return count;
    }

    /// <summary>Pairs that are needed at least: with one fewer not even no error would do.</summary>
    internal static int LeastPairs(double epsilon, double delta) => (int)Math.Ceiling(Math.Log(delta) / Math.Log(1 - epsilon));

    /// <summary>What is kept at every budget, the largest first; each within the one before.</summary>
    private static IEnumerable<bool[]> Nested(PredictedProgram program, int holes)
    {
        bool[]? kept = null;
        for (var level = Grid - 1; level >= 0; level--) yield return kept = PruningSolver.Solve(program, BudgetOf(level), holes, kept);
    }

    /// <summary>The smallest budget whose set lacks the truth; <see cref="Grid"/> for none.</summary>
    internal static int FirstLost(CalibrationPair pair, int holes)
    {
        var level = Grid;
        foreach (var kept in Nested(pair.Predicted, holes))
        {
            if (new PartialProgram(pair.Predicted, kept).Contains(pair.Code, pair.Tree)) return level;
            level--;
        }
        return 0;
    }

    /// <summary>-ln τ, of τ in hundredths between 0 and 1.</summary>
    private static double BudgetOf(int level) => -Math.Log((Grid - level) / (Grid + 1.0));

    private static int RequireEnough(int pairs, double epsilon, double delta)
    {
        var most = MostErrors(pairs, epsilon, delta);
        if (most >= 0) return most;
        throw new ArgumentException(
            $"calibration: {LeastPairs(epsilon, delta)} pairs are needed for ε = {epsilon} and δ = {delta}, got {pairs}.", nameof(pairs));
    }

    private static void Check(string name, double value)
    {
        if (!(value > 0 && value < 1)) throw new ArgumentOutOfRangeException(name, value, $"calibration: {name} must be between 0 and 1.");
    }
}
