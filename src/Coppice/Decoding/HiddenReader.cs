using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;

namespace Coppice.Decoding;

/// <summary>Asks passes for the hidden states that drafters need, and copies them to the host.</summary>
/// <remarks>One block of host memory for all sequences of a decoder, which grows until it is as large as what is needed at once.</remarks>
internal sealed class HiddenReader
{
    /// <summary>Rows of a prompt that are copied and told at once.</summary>
    private const int Block = 64;

    private float[] _states = [];

    /// <summary>Asks for what <paramref name="drafter"/> needs of the rows of <paramref name="request"/>, which was filled.</summary>
    public static void Ask(Drafter drafter, PassRequest request)
    {
        if (drafter.HiddenLayers.IsEmpty) return;
        var first = NeedsPrompt(drafter) ? 0 : request.FirstNode;
        if (first < request.Rows) request.Hidden(drafter.HiddenLayers, first, request.Rows - first);
    }

    /// <summary>Tells <paramref name="drafter"/> the states of the rows in front of the nodes, if it needs them.</summary>
    /// <param name="drafter">Gets them, block by block.</param>
    /// <param name="request">The pass has run.</param>
    /// <param name="position">Of the request's first row.</param>
    public void TellPrompt(Drafter drafter, PassRequest request, int position)
    {
        if (drafter.HiddenLayers.IsEmpty || !NeedsPrompt(drafter)) return;
        var layers = drafter.HiddenLayers.Span;
        for (var row = 0; row < request.FirstNode; row += Block)
        {
            var count = Math.Min(Block, request.FirstNode - row);
            var states = Room(layers.Length * count * request.Output.HiddenSize);
            var length = states.Length / layers.Length;
            for (var i = 0; i < layers.Length; i++) request.Output.Hidden(layers[i], row, count, states.Slice(i * length, length));
            drafter.TakePrompt(new HiddenRows(layers, states, position + row, count));
        }
    }

    /// <summary>The states of the accepted nodes that <paramref name="drafter"/> needs; valid until the next call.</summary>
    /// <param name="drafter">Says which.</param>
    /// <param name="request">The pass has run.</param>
    /// <param name="path">The accepted nodes, ascending.</param>
    /// <param name="position">Of the first of them.</param>
    public HiddenRows OfPath(Drafter drafter, PassRequest request, ReadOnlySpan<int> path, int position)
    {
        if (drafter.HiddenLayers.IsEmpty) return default;
        var layers = drafter.HiddenLayers.Span;
        var width = request.Output.HiddenSize;
        var states = Room(layers.Length * path.Length * width);
        var next = 0;
        foreach (var layer in layers)
        {
            for (int first = 0, end; first < path.Length; first = end)
            {
                // Nodes that are rows one after the other come in one copy.
                for (end = first + 1; end < path.Length && path[end] == path[end - 1] + 1; end++) { }
                var length = (end - first) * width;
                request.Output.Hidden(layer, request.FirstNode + path[first], end - first, states.Slice(next, length));
                next += length;
            }
        }
        return new HiddenRows(layers, states, position, path.Length);
    }

    private static bool NeedsPrompt(Drafter drafter) => (drafter.Needs & DrafterNeeds.PromptStates) != 0;

    private Span<float> Room(int elements)
    {
        if (_states.Length < elements) _states = new float[elements];
        return _states.AsSpan(0, elements);
    }
}
