namespace Coppice;

/// <summary>A program that a model wrote, as a tree whose nodes have the model's surprise at their own text as costs.</summary>
public sealed class PredictedProgram
{
    /// <summary>What a node costs at most, in nats.</summary>
    public const double MostCost = 10;

    private PredictedProgram(string code, Node root, int count) => (Code, Root, Count) = (code, root, count);

    /// <summary>The program.</summary>
    public string Code { get; }
    /// <summary>Nodes of the tree.</summary>
    public int Count { get; }

    internal Node Root { get; }

    /// <summary>Reads what was generated.</summary>
    /// <param name="pieces">The program's tokens with their text and raw log-probabilities: temperature 1, no mask. Calibration must use
    /// the same settings.</param>
    /// <param name="parse">Its tree, whose root spans it; null where it does not parse, and then it is one node.</param>
    /// <exception cref="ArgumentException">A piece has no log-probability.</exception>
    public static PredictedProgram From(IReadOnlyList<GeneratedPiece> pieces, Func<string, CodeNode?> parse)
    {
        ArgumentNullException.ThrowIfNull(pieces);
        ArgumentNullException.ThrowIfNull(parse);
        var code = string.Concat(pieces.Select(piece => piece.Text));
        var surprise = new List<(int End, double Nats)>();
        var end = 0;
        foreach (var piece in pieces)
        {
            if (piece.LogProbs is null)
                throw new ArgumentException("program: each piece must have its log-probability (LogProbs = 0).", nameof(pieces));
            surprise.Add((end += piece.Text.Length, -piece.LogProbs.Chosen));
        }
        return From(code, surprise, parse(code) ?? new CodeNode(0, code.Length, []));
    }

    /// <summary>The same of tokens that end at these characters and have these surprises.</summary>
    internal static PredictedProgram From(string code, IReadOnlyList<(int End, double Nats)> tokens, CodeNode tree)
    {
        var tokenOf = new int[code.Length];
        for (int token = 0, at = 0; token < tokens.Count; token++)
        {
            for (; at < tokens[token].End; at++) tokenOf[at] = token;
        }
        var count = 0;
        return new PredictedProgram(code, Read(tree), count);

        Node Read(CodeNode node)
        {
            var index = count++;
            int[] own = [.. node.OwnCharacters(code)];
            var cost = own.Select(at => tokenOf[at]).Distinct().Sum(token => tokens[token].Nats);
            return new Node(index, node.OwnText(code), Math.Clamp(cost, 0, MostCost), [.. node.Children.Select(Read)]);
        }
    }

    /// <summary>A node with its own text and what it costs to keep it.</summary>
    internal sealed record Node(int Index, string Text, double Cost, Node[] Children);
}
