using System.Security.Cryptography;
using System.Text;

namespace Coppice.Constraints;

/// <summary>Compiled grammars by a hash of all that they depend on; those used last are kept.</summary>
internal sealed class GrammarCache
{
    private const int Capacity = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<(string Key, Lazy<CompiledGrammar> Grammar)>> _entries = new(StringComparer.Ordinal);
    private readonly LinkedList<(string Key, Lazy<CompiledGrammar> Grammar)> _order = new();

    /// <summary>The grammar of <paramref name="content"/>, compiled at most once however many ask at the same time.</summary>
    public CompiledGrammar GetOrAdd(string content, Func<CompiledGrammar> compile)
    {
        var key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(content)));
        Lazy<CompiledGrammar> grammar;
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var found))
            {
                _order.Remove(found);
                _order.AddFirst(found);
                grammar = found.Value.Grammar;
            }
            else
            {
                grammar = new Lazy<CompiledGrammar>(compile);
                _entries[key] = _order.AddFirst((key, grammar));
                if (_order.Count > Capacity)
                {
                    _entries.Remove(_order.Last!.Value.Key);
                    _order.RemoveLast();
                }
            }
        }
        try
        {
            return grammar.Value;
        }
        catch
        {
            // A failure is not kept: it would hold on to the exception's text and trace.
            lock (_gate)
                if (_entries.Remove(key, out var failed)) _order.Remove(failed);
            throw;
        }
    }
}
