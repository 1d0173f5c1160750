using System.Diagnostics;
using Coppice.Server.Http;

namespace Coppice.Server.Generation;

/// <summary>How many texts a model is asked for at once: those that run, and as many as may wait.</summary>
/// <param name="name">The model's name.</param>
/// <param name="places">Texts in passes at once.</param>
/// <param name="queue">Texts that wait.</param>
internal sealed class Admission(string name, int places, int queue)
{
    private const int LongestWait = 60;

    private readonly Lock _gate = new();
    private int _taken;
    private double _seconds = 1;        // that a request takes: a moving mean

    /// <summary>Texts that run or wait.</summary>
    public int Taken
    {
        get { lock (_gate) return _taken; }
    }

    /// <summary>Takes places for <paramref name="texts"/>, until they are disposed.</summary>
    /// <exception cref="ApiException">There are more than ever fit, or than fit now.</exception>
    public Place Take(int texts)
    {
        if (texts > (long)places + queue)
            throw ApiException.Refused($"model {name}: a request may ask for at most {(long)places + queue} texts, found {texts}.",
                code: "too_many_texts");
        lock (_gate)
        {
            if ((long)_taken + texts > (long)places + queue)
                throw ApiException.Busy($"model {name}: {places} texts are generated and {queue} wait, no more are taken; try again later.",
                    Wait());
            _taken += texts;
        }
        return new Place(this, texts, Stopwatch.GetTimestamp());
    }

    /// <summary>Seconds until about half of what is there has been done.</summary>
    private int Wait() => (int)Math.Clamp(Math.Ceiling(_seconds * _taken / places / 2), 1, LongestWait);

    private void Leave(int texts, double seconds)
    {
        lock (_gate)
        {
            _taken -= texts;
            _seconds += (seconds - _seconds) / 8;
        }
    }

    /// <summary>Places that a request has.</summary>
    internal sealed class Place(Admission admission, int texts, long start) : IDisposable
    {
        private int _left;

        /// <inheritdoc/>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0) admission.Leave(texts, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }
}
