"""word2vec in plain NumPy float64, pair by pair, to hold the kernels against."""

import numpy as np


def log_sigmoid(score):
    return -np.logaddexp(0, -score)


def windows(stretch):
    """Yield (centre, contexts) of every word of the stretch, as positions."""
    for centre in range(len(stretch.tokens)):
        reach = range(centre - stretch.widths[centre], centre + stretch.widths[centre] + 1)
        yield (
            centre,
            [
                at
                for at in reach
                if at != centre
                and 0 <= at < len(stretch.tokens)
                and stretch.documents[at] == stretch.documents[centre]
            ],
        )


def skipgram_loss(inputs, outputs, stretch, start, stop, noise, noise_weight):
    """Return the loss and the number of the pairs whose input words are start..stop-1."""
    loss, pairs = 0.0, 0
    for centre, contexts in windows(stretch):
        target = stretch.tokens[centre]
        for at in contexts:
            if start <= at < stop:
                x = inputs[stretch.tokens[at]]
                loss -= log_sigmoid(x @ outputs[target])
                for word in noise:
                    if word != target:
                        loss -= noise_weight * log_sigmoid(-x @ outputs[word])
                pairs += 1
    return loss, pairs


def cbow_loss(inputs, outputs, stretch, start, stop, noise, noise_weight):
    """Return the loss and the number of the predictions of the words start..stop-1.

    The first eight of these words meet the first half of `noise`, the others the second.
    """
    loss, predictions = 0.0, 0
    for centre, contexts in windows(stretch):
        if start <= centre < stop and contexts:
            target = stretch.tokens[centre]
            mean = inputs[stretch.tokens[contexts]].mean(axis=0)
            loss -= log_sigmoid(mean @ outputs[target])
            for word in np.split(noise, 2)[(centre - start) // 8]:
                if word != target:
                    loss -= noise_weight * log_sigmoid(-mean @ outputs[word])
            predictions += 1
    return loss, predictions


def skipgram_gradients(inputs, outputs, stretch, start, stop, noise, noise_weight):
    """Return minus the derivative of `skipgram_loss` by inputs and outputs."""
    by_input, by_output = np.zeros_like(inputs), np.zeros_like(outputs)
    for centre, contexts in windows(stretch):
        target = stretch.tokens[centre]
        for at in contexts:
            if start <= at < stop:
                word = stretch.tokens[at]
                rows = [(target, 1.0, 1.0)]
                rows += [(other, 0.0, noise_weight) for other in noise if other != target]
                for other, label, weight in rows:
                    score = inputs[word] @ outputs[other]
                    error = weight * (label - 1 / (1 + np.exp(-score)))
                    by_input[word] += error * outputs[other]
                    by_output[other] += error * inputs[word]
    return by_input, by_output


def cbow_gradients(inputs, outputs, stretch, start, stop, noise, noise_weight, corrected):
    """Return minus the derivative of `cbow_loss`, that by inputs undivided unless `corrected`."""
    by_input, by_output = np.zeros_like(inputs), np.zeros_like(outputs)
    for centre, contexts in windows(stretch):
        if start <= centre < stop and contexts:
            target = stretch.tokens[centre]
            mean = inputs[stretch.tokens[contexts]].mean(axis=0)
            rows = [(target, 1.0, 1.0)]
            met = np.split(noise, 2)[(centre - start) // 8]
            rows += [(other, 0.0, noise_weight) for other in met if other != target]
            change = np.zeros_like(mean)
            for other, label, weight in rows:
                error = weight * (label - 1 / (1 + np.exp(-mean @ outputs[other])))
                change += error * outputs[other]
                by_output[other] += error * mean
            for at in contexts:
                by_input[stretch.tokens[at]] += change / (len(contexts) if corrected else 1)
    return by_input, by_output


def path_loss(inputs, outputs, predictions, path_of):
    """Return the sum of -log p(target | mean of the inputs), down the path_of(target)."""
    loss = 0.0
    for words, target in predictions:
        hidden = inputs[words].mean(axis=0)
        for node, turn in path_of(target):
            loss -= log_sigmoid((2 * turn - 1) * (hidden @ outputs[node]))
    return loss


def path_gradients(inputs, outputs, predictions, path_of, corrected):
    """Return minus the slope of `path_loss`, that by inputs undivided unless `corrected`."""
    by_input, by_output = np.zeros_like(inputs), np.zeros_like(outputs)
    for words, target in predictions:
        hidden, change = inputs[words].mean(axis=0), np.zeros(inputs.shape[1])
        for node, turn in path_of(target):
            error = turn - 1 / (1 + np.exp(-hidden @ outputs[node]))
            change += error * outputs[node]
            by_output[node] += error * hidden
        np.add.at(by_input, words, change / (len(words) if corrected else 1))
    return by_input, by_output


def predictions_of(stretch, start, stop, cbow):
    """Return (input words, target) of every prediction of the words start..stop-1."""
    found = []
    for centre, contexts in windows(stretch):
        target = stretch.tokens[centre]
        if cbow and start <= centre < stop and contexts:
            found.append((stretch.tokens[contexts], target))
        if not cbow:
            found += [(stretch.tokens[[at]], target) for at in contexts if start <= at < stop]
    return found


def softmax_loss(inputs, outputs, predictions):
    """Return the sum of -log softmax(outputs @ mean of the inputs)[target]."""
    loss = 0.0
    for words, target in predictions:
        scores = outputs @ inputs[words].mean(axis=0)
        loss += np.logaddexp.reduce(scores) - scores[target]
    return loss


def softmax_gradients(inputs, outputs, predictions, corrected):
    """Return minus the slope of `softmax_loss`, that by inputs undivided unless `corrected`."""
    by_input, by_output = np.zeros_like(inputs), np.zeros_like(outputs)
    for words, target in predictions:
        mean = inputs[words].mean(axis=0)
        scores = outputs @ mean
        errors = -np.exp(scores - np.logaddexp.reduce(scores))
        errors[target] += 1
        by_output += np.outer(errors, mean)
        change = errors @ outputs
        np.add.at(by_input, words, change / (len(words) if corrected else 1))
    return by_input, by_output
