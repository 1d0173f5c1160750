using System.Runtime.InteropServices;

namespace Coppice.Text.PreTokenizers;

/// <summary>A pre-tokenizer at work for one thread.</summary>
/// <param name="Take">Takes the next piece of a text, which is no added token.</param>
/// <param name="Output">Receives what becomes of it.</param>
/// <param name="Begin">Begins a text, where that makes a difference.</param>
internal readonly record struct PieceRun(Action<Piece> Take, List<Piece> Output, Action? Begin = null)
{
    /// <summary>Takes all pieces; added tokens pass.</summary>
    public void Apply(List<Piece> input)
    {
        foreach (ref readonly var piece in CollectionsMarshal.AsSpan(input))
        {
            if (piece.IsToken) Output.Add(piece);
            else Take(piece);
        }
    }
}
